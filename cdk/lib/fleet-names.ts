/** Names of the fleet that are not rendered. */

/** The policy of claim certificates: `POLICY_CLAIM` of `topics/src/table.rs`; a test compares. */
export const CLAIM_POLICY_NAME = 'marvain-claim';
