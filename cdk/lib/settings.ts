/**
 * Settings of one deployment, parsed from the CDK context. Knows nothing of stacks.
 */

/** What the deployment is for: `dev` can be thrown away, `prod` keeps what it holds. */
export type Stage = 'dev' | 'prod';

/** How long, and how strictly, the vault keeps what is written (S3 Object Lock). */
export interface VaultLock {
  readonly mode: 'COMPLIANCE' | 'GOVERNANCE';
  readonly days: number;
}

/** A deployment. */
export interface Settings {
  /** What all names begin with: lower-case letters, digits and hyphens, beginning with a letter. */
  readonly stack: string;
  readonly stage: Stage;
  readonly vault: VaultLock;
  /** Where readings go. Timestream for LiveAnalytics is closed to accounts that did not have it by 2025-06-20. */
  readonly telemetry: 'aurora' | 'timestream';
  /** Whether there is a secret for an OpenAI key. Without it plain rules plan. */
  readonly openAi: boolean;
  readonly plannerModel: string;
  /** IANA time zone that the household lives by. */
  readonly timeZone: string;
  /** The hub's own persona. */
  readonly agent: string;
  /** Most Aurora capacity units, 1 to 256 in halves. */
  readonly acuMax: number;
  /** Where a browser or the CLI is sent after signing in. */
  readonly callbackUrls: readonly string[];
  /** Who gets the alarms, besides those who subscribe themselves. */
  readonly alarmEmail?: string;
  /** Platform, as the hub calls it, to the ARN of its SNS platform application. */
  readonly pushApplications: Readonly<Record<string, string>>;
  /** A domain of one's own for satellites: its name and the ARN of its ACM certificate. */
  readonly iotDomain?: { readonly name: string; readonly certificateArn: string };
  /** PEM of the roots that the domain's certificate comes from, if they are not Amazon's. */
  readonly iotRoots?: string;
  /** Reserve one concurrent execution for the audit log's writer. An account with a quota of 10 cannot. */
  readonly reserveAudit: boolean;
  /** Refuse to synthesise without the functions' program. */
  readonly requireProgram: boolean;
  /** Zip of the functions' program, if `scripts/package` put it elsewhere than at `target/lambdas.zip`. */
  readonly program?: string;
  /** Days that logs are kept. */
  readonly logDays: number;
}

/** Longest name: an S3 bucket, a Cognito domain and a function's name are made of it. */
export const STACK_NAME_CHARACTERS_MAX = 24;
const VAULT_DAYS_MAX = 36_500;
const ACU_MAX = 256;
/** Words that a Cognito domain may not hold ("Configuring a user pool domain"). */
const RESERVED_WORDS = ['aws', 'amazon', 'cognito'];

const STAGES = {
  dev: { vault: { mode: 'GOVERNANCE', days: 1 }, logDays: 14, acuMax: 2 },
  prod: { vault: { mode: 'COMPLIANCE', days: 365 }, logDays: 90, acuMax: 8 },
} as const;

/** Parses the context; `get` is `app.node.tryGetContext`. Throws with the setting's name, and what it may be. */
export function settings(get: (name: string) => unknown): Settings {
  const text = (name: string, otherwise: string): string => {
    const value = get(name);
    if (value === undefined || value === '') return otherwise;
    if (typeof value !== 'string') throw new Error(`context \`${name}\` has to be text`);
    return value;
  };
  const one = <T extends string>(name: string, values: readonly T[], otherwise: T): T => {
    const found = values.find(value => value === text(name, otherwise));
    if (found === undefined) throw new Error(`context \`${name}\` has to be one of ${values.join(', ')}`);
    return found;
  };
  const flag = (name: string, otherwise: boolean): boolean => {
    const value = get(name);
    if (typeof value === 'boolean') return value;
    return one(name, ['true', 'false'], otherwise ? 'true' : 'false') === 'true';
  };
  const number = (name: string, otherwise: number, least: number, most: number, step: number): number => {
    const value = Number(get(name) ?? otherwise);
    if (!(value >= least && value <= most && Number.isInteger(value / step))) {
      throw new Error(`context \`${name}\` has to be ${least} to ${most} in steps of ${step}`);
    }
    return value;
  };

  const stack = text('stack', 'marvain-dev');
  if (!/^[a-z][a-z0-9-]*[a-z0-9]$/.test(stack) || stack.length > STACK_NAME_CHARACTERS_MAX) {
    throw new Error(
      `context \`stack\` has to be at most ${STACK_NAME_CHARACTERS_MAX} of a-z, 0-9 and -, beginning with a letter`,
    );
  }
  const reserved = RESERVED_WORDS.find(word => stack.includes(word));
  if (reserved) throw new Error(`context \`stack\` must not hold \`${reserved}\`: Cognito domains may not`);
  const stage = one('stage', ['dev', 'prod'], 'dev');
  const of = STAGES[stage];
  const domain = text('iot_domain', '');
  const certificateArn = text('iot_certificate_arn', '');
  if ((domain === '') !== (certificateArn === '')) {
    throw new Error('context `iot_domain` and `iot_certificate_arn` go together');
  }
  const roots = text('iot_roots', '');
  if (roots !== '' && domain === '') throw new Error('context `iot_roots` goes with `iot_domain`');
  const email = text('alarm_email', '');
  return {
    stack,
    stage,
    vault: {
      mode: one('vault_mode', ['COMPLIANCE', 'GOVERNANCE'], of.vault.mode),
      days: number('vault_days', of.vault.days, 1, VAULT_DAYS_MAX, 1),
    },
    telemetry: one('telemetry', ['aurora', 'timestream'], 'aurora'),
    openAi: flag('openai', false),
    plannerModel: text('planner_model', ''),
    timeZone: text('time_zone', 'UTC'),
    agent: text('agent', 'marvain'),
    acuMax: number('acu_max', of.acuMax, 1, ACU_MAX, 0.5),
    callbackUrls: text('callback_urls', 'http://localhost:8765/callback').split(','),
    alarmEmail: email === '' ? undefined : email,
    pushApplications: pushApplications(text('push_applications', '{}')),
    iotDomain: domain === '' ? undefined : { name: domain, certificateArn },
    iotRoots: roots || undefined,
    reserveAudit: flag('reserve_audit', true),
    requireProgram: flag('require_program', false),
    program: text('program', '') || undefined,
    logDays: of.logDays,
  };
}

/** What the hub calls push services (`marvain_domain::identity::Platform`); a function refuses to start with another. */
const PLATFORMS = ['apns', 'apns_sandbox', 'fcm'];

function pushApplications(text: string): Record<string, string> {
  const value: unknown = JSON.parse(text);
  const wrong = new Error(
    `context \`push_applications\` has to be a JSON object of platform (${PLATFORMS.join(', ')}) to ARN`,
  );
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong;
  return Object.fromEntries(
    Object.entries(value).map(([platform, arn]) => {
      if (!PLATFORMS.includes(platform) || typeof arn !== 'string' || !arn.startsWith('arn:')) throw wrong;
      return [platform, arn];
    }),
  );
}
