//! What stacks are made from says what the ledger needs.

use marvain_aws::TABLE;
use std::{fs, path::Path};

#[test]
fn the_rendered_table_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rendered/table.json");
    assert_eq!(fs::read_to_string(path).unwrap(), TABLE.rendered().unwrap(), "scripts/render writes it anew");
}
