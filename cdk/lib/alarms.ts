/**
 * The table of alarms, as data: what is measured, when it is too much, what a person does then. Each has a heading of the
 * same name in `docs/operations.md`. Missing data is no alarm unless it says so.
 */
import { FUNCTIONS, type FunctionSpec } from './functions';
import type { Names } from './names';
import type { Rendered } from './rendered';
import type { Settings } from './settings';

/** One alarm. */
export interface AlarmSpec {
  /** Unique; with the stack's name before it, the alarm's. */
  readonly name: string;
  /** Heading in `docs/operations.md`. */
  readonly runbook: Runbook;
  /** What it means and what to do, in one sentence each. */
  readonly about: string;
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: 'Sum' | 'Maximum' | 'Minimum';
  readonly periodS: number;
  readonly periods: number;
  readonly threshold: number;
  readonly below?: boolean;
  /** No data is an alarm: what is measured should never stop. */
  readonly missingIsBad?: boolean;
}

/** Headings of `docs/operations.md` that alarms point to. */
export const RUNBOOKS = [
  'dead-letters',
  'queue-age',
  'rule-errors',
  'function-errors',
  'function-throttles',
  'function-duration',
  'ledger-throttles',
  'audit-backlog',
  'outbox-stuck',
  'tick-stopped',
  'database-at-max',
  'rule-failures',
  'api-errors',
] as const;
export type Runbook = (typeof RUNBOOKS)[number];

/**
 * The hub's own metrics (`lambdas/src/emf.rs`): their namespace, the dimension that says which function, and the one that a
 * function with queues has besides.
 */
export const METRICS = { namespace: 'marvain', dimension: 'function', queueDimension: 'queue' } as const;

const MINUTE_S = 60;
/** A queue is late when its oldest delivery has waited for so many visibility timeouts. */
const LATE_VISIBILITIES = 4;
/** Part of a function's timeout that its longest invocation may take. */
const DURATION_PART = 0.8;
/** Audit rows that may wait to be sealed: as many as one seal takes. */
const AUDIT_WAITING_MAX = 1024;
const FIVE = { periodS: 5 * MINUTE_S, periods: 1 } as const;

/** What the stacks made that has no name of its own. */
export interface Made {
  readonly tableName: string;
  readonly apiId: string;
}

/** All alarms. A development stage does without those that foretell: what went wrong is enough there, and each has a price. */
export function alarms(settings: Settings, rendered: Rendered, names: Names, made: Made): AlarmSpec[] {
  const prod = settings.stage === 'prod';
  return [
    ...rendered.queues.flatMap(queue => [
      deadLetters(queue.name, names),
      ...(prod ? [late(queue.name, queue.visibility_s * LATE_VISIBILITIES, names)] : []),
    ]),
    ...[...new Set(rendered.rules.map(rule => rule.error_queue))].map(queue => ruleErrors(queue, names)),
    ...FUNCTIONS.flatMap(spec => ofFunction(spec, names, prod)),
    ...(prod ? rendered.rules.map(rule => ruleFailures(rule.name)) : []),
    ...ofTheHub(names),
    ...ofTheStores(settings, names, made),
  ];
}

function deadLetters(queue: string, names: Names): AlarmSpec {
  return {
    name: `${queue}-dead-letters`,
    runbook: 'dead-letters',
    about: `Deliveries to \`${queue}\` have failed for good. Read one, mend the cause, redrive them.`,
    namespace: 'AWS/SQS',
    metric: 'ApproximateNumberOfMessagesVisible',
    dimensions: { QueueName: names.deadLetters(queue) },
    statistic: 'Maximum',
    periodS: MINUTE_S,
    periods: 1,
    threshold: 1,
  };
}

function late(queue: string, ageS: number, names: Names): AlarmSpec {
  return {
    name: `${queue}-late`,
    runbook: 'queue-age',
    about: `Deliveries to \`${queue}\` wait longer than ${ageS} s. See whether its function fails, is throttled, or is slow.`,
    namespace: 'AWS/SQS',
    metric: 'ApproximateAgeOfOldestMessage',
    dimensions: { QueueName: names.queue(queue) },
    statistic: 'Maximum',
    periodS: MINUTE_S,
    periods: 3,
    threshold: ageS,
  };
}

function ruleErrors(queue: string, names: Names): AlarmSpec {
  return {
    name: queue,
    runbook: 'rule-errors',
    about: 'IoT rules could not hand messages over. Read one: it says which rule and why; then send its payload again.',
    namespace: 'AWS/SQS',
    metric: 'ApproximateNumberOfMessagesVisible',
    dimensions: { QueueName: names.queue(queue) },
    statistic: 'Maximum',
    periodS: MINUTE_S,
    periods: 1,
    threshold: 1,
  };
}

function ofFunction(spec: FunctionSpec, names: Names, prod: boolean): AlarmSpec[] {
  const common = {
    namespace: 'AWS/Lambda',
    dimensions: { FunctionName: names.function(spec.name) },
    ...FIVE,
  };
  const errors: AlarmSpec = {
    ...common,
    name: `${spec.name}-errors`,
    runbook: 'function-errors',
    about: `\`${spec.name}\` fails as a whole: it crashes, times out, or cannot be set up. Read its log.`,
    metric: 'Errors',
    statistic: 'Sum',
    periods: 2,
    threshold: 1,
  };
  if (!prod) return [errors];
  const throttles: AlarmSpec = {
    ...common,
    name: `${spec.name}-throttles`,
    runbook: 'function-throttles',
    about: `\`${spec.name}\` is throttled. Look at the account's concurrent executions; ask for a higher quota.`,
    metric: 'Throttles',
    statistic: 'Sum',
    threshold: 1,
  };
  const slow: AlarmSpec = {
    ...common,
    name: `${spec.name}-slow`,
    runbook: 'function-duration',
    about: `\`${spec.name}\` takes most of its ${spec.timeoutS} s. See in its trace what it waits for.`,
    metric: 'Duration',
    statistic: 'Maximum',
    threshold: spec.timeoutS * 1000 * DURATION_PART,
  };
  // The log's writer is throttled by design: there is one, and both the stream and the schedule wake it.
  return spec.uses.includes('seal') ? [errors, slow] : [errors, throttles, slow];
}

function ruleFailures(rule: string): AlarmSpec {
  return {
    name: `${rule.replaceAll('_', '-')}-failures`,
    runbook: 'rule-failures',
    about: `Rule \`${rule}\` cannot reach its queue. See the rule's role and the queue; what failed is in the rule errors.`,
    namespace: 'AWS/IoT',
    metric: 'Failure',
    dimensions: { RuleName: rule, ActionType: 'SQS' },
    statistic: 'Sum',
    ...FIVE,
    threshold: 1,
  };
}

function ofTheHub(names: Names): AlarmSpec[] {
  const own = (name: string) => ({
    namespace: METRICS.namespace,
    dimensions: { [METRICS.dimension]: name },
    statistic: 'Maximum' as const,
    periodS: 5 * MINUTE_S,
  });
  return [
    {
      // The tick says it: a writer that has stopped says nothing.
      ...own('tick'),
      name: 'audit-backlog',
      runbook: 'audit-backlog',
      about:
        'Audit entries wait to be sealed, or the writer is silent. See its log: the vault, the key, or a conflict.',
      metric: 'audit_waiting',
      periods: 2,
      threshold: AUDIT_WAITING_MAX,
      missingIsBad: true,
    },
    {
      ...own('tick'),
      name: 'outbox-stuck',
      runbook: 'outbox-stuck',
      about: 'Effects do not go out: a queue, a shadow, a certificate or recall refuses them. Read the log of `tick`.',
      metric: 'outbox_stuck',
      periods: 3,
      threshold: 1,
    },
    {
      name: 'tick-stopped',
      runbook: 'tick-stopped',
      about: 'Nothing is done on time: `tick` is not invoked. See its schedule and its role.',
      namespace: 'AWS/Lambda',
      metric: 'Invocations',
      dimensions: { FunctionName: names.function('tick') },
      statistic: 'Sum',
      ...FIVE,
      threshold: 1,
      below: true,
      missingIsBad: true,
    },
  ];
}

function ofTheStores(settings: Settings, names: Names, made: Made): AlarmSpec[] {
  const ledger = (metric: string): AlarmSpec => ({
    name: `ledger-${metric.startsWith('Read') ? 'read' : 'write'}-throttles`,
    runbook: 'ledger-throttles',
    about: 'The ledger is throttled: one partition is too busy, or demand doubled at once. Deliveries are tried again.',
    namespace: 'AWS/DynamoDB',
    metric,
    dimensions: { TableName: made.tableName },
    statistic: 'Sum',
    periodS: MINUTE_S,
    periods: 3,
    threshold: 1,
  });
  return [
    ledger('ReadThrottleEvents'),
    ledger('WriteThrottleEvents'),
    {
      name: 'database-at-max',
      runbook: 'database-at-max',
      about: `Aurora has been at ${settings.acuMax} ACU for a while. See its slow queries; raise \`acu_max\` if they are right.`,
      namespace: 'AWS/RDS',
      metric: 'ServerlessDatabaseCapacity',
      dimensions: { DBClusterIdentifier: names.databaseCluster() },
      statistic: 'Minimum',
      periodS: 5 * MINUTE_S,
      periods: 3,
      threshold: settings.acuMax,
    },
    {
      name: 'api-5xx',
      runbook: 'api-errors',
      about: 'The API answers with 5xx. Read the access log for the route, then the log of `api`.',
      namespace: 'AWS/ApiGateway',
      metric: '5xx',
      dimensions: { ApiId: made.apiId },
      statistic: 'Sum',
      ...FIVE,
      threshold: 1,
    },
  ];
}
