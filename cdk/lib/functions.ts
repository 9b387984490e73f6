/**
 * The table of functions: which, how large, what wakes it, what it may use. Roles, environment, mappings, alarms
 * and the tests are made of it. What a use means in IAM is in `grants.ts`.
 */

/** What a function may use: one entry of `grants.ts`. */
export type Use =
  /** Facts: reads, and transactions of writes. */
  | 'ledger'
  /** The ledger's stream. */
  | 'ledger-stream'
  /** Memories as vectors and text, by the RDS Data API. */
  | 'recall'
  /** Readings, in Aurora or Timestream. */
  | 'telemetry'
  /** The key of the language model. */
  | 'model'
  /** Satellites' shadows. */
  | 'shadows'
  /** Ending a certificate and its connections. */
  | 'revocation'
  /** Making things and certificates. */
  | 'fleet'
  /** Writing the audit log. */
  | 'seal'
  /** Reading the audit log, and the key it verifies with. */
  | 'audit-read'
  /** Audio and pictures. */
  | 'artifacts'
  /** Notifications to phones. */
  | 'push'
  /** Registering phones for them. */
  | 'push-endpoints'
  /** Looking into dead letters, and sending them back. */
  | 'redrive';

/** One function. */
export interface FunctionSpec {
  /** What `lambdas` calls it and has it as its handler; with the stack's name before it, the function's on AWS. */
  readonly name: string;
  readonly about: string;
  readonly memoryMb: number;
  readonly timeoutS: number;
  /** Queues that it works off, of `queues.json`. */
  readonly queues: readonly string[];
  /** Most deliveries in one invocation. */
  readonly batch: number;
  /** Most invocations at a time for one queue, 2 to 1,000. */
  readonly concurrencyMax: number;
  /** Woken every minute. */
  readonly everyMinute: boolean;
  /** Queues that it sends hops to; `all` for who carries out what a crash has left behind. */
  readonly sends: readonly string[] | 'all';
  readonly uses: readonly Use[];
}

/** Seconds that a delivery's visibility has to outlast the function by, so that it never comes again while worked on. */
export const VISIBILITY_MARGIN_S = 5;
/**
 * How many times a function's timeout fits into its queue's visibility, as AWS advises ("Creating and configuring an
 * Amazon SQS event source mapping"), so that a batch that was throttled can be invoked again. Functions that wait for a
 * model cannot have that: their queues keep the visibility that the hub renders, the mapping's own limit on concurrency
 * keeps them from being throttled, and a delivery that comes twice takes effect once.
 */
export const VISIBILITY_TIMEOUTS = 6;

const QUICK = { memoryMb: 256, timeoutS: 5, batch: 10, concurrencyMax: 20, everyMinute: false } as const;
/** A plan waits for an embedding (30 s) and for the model (135 s); a memory for an embedding (30 s), each of its batch. */
const MODEL = { memoryMb: 256, timeoutS: 170, concurrencyMax: 5, everyMinute: false } as const;
const NO_QUEUE = { queues: [], batch: 0, concurrencyMax: 0 } as const;

/** All functions. */
export const FUNCTIONS: readonly FunctionSpec[] = [
  {
    ...QUICK,
    name: 'observe',
    about: 'records what satellites notice and people say',
    queues: ['observe'],
    sends: ['plan'],
    uses: ['ledger'],
  },
  {
    ...MODEL,
    name: 'memory',
    about: 'lets recall follow the memories',
    queues: ['memory'],
    batch: 4,
    sends: ['memory'],
    uses: ['ledger', 'recall', 'model', 'shadows'],
  },
  {
    ...MODEL,
    name: 'planner',
    about: 'turns what was heard into proposals',
    queues: ['plan'],
    batch: 1,
    sends: ['judge', 'memory'],
    uses: ['ledger', 'recall', 'model'],
  },
  {
    ...QUICK,
    name: 'policy',
    about: 'judges actions, and dispatches those that may run',
    memoryMb: 512,
    queues: ['judge', 'dispatch'],
    sends: ['dispatch', 'notify'],
    uses: ['ledger', 'shadows'],
  },
  {
    ...QUICK,
    name: 'settle',
    about: 'closes actions by what satellites report',
    queues: ['settle'],
    sends: ['notify'],
    uses: ['ledger', 'shadows'],
  },
  {
    ...QUICK,
    name: 'presence',
    about: 'knows who is connected and can do what',
    queues: ['presence'],
    sends: [],
    uses: ['ledger', 'shadows'],
  },
  {
    ...QUICK,
    name: 'telemetry',
    about: 'keeps readings',
    queues: ['telemetry'],
    sends: [],
    uses: ['ledger', 'telemetry'],
  },
  {
    ...QUICK,
    name: 'notify',
    about: 'tells people on their phones',
    queues: ['notify'],
    sends: [],
    uses: ['ledger', 'push', 'push-endpoints'],
  },
  {
    ...NO_QUEUE,
    name: 'audit',
    about: 'the one writer of the audit log',
    memoryMb: 512,
    timeoutS: 60,
    everyMinute: true,
    sends: [],
    uses: ['ledger', 'ledger-stream', 'seal'],
  },
  {
    ...NO_QUEUE,
    name: 'tick',
    about: 'does what time brings about',
    memoryMb: 256,
    timeoutS: 55,
    everyMinute: true,
    sends: 'all',
    uses: ['ledger', 'recall', 'model', 'shadows', 'revocation', 'push', 'push-endpoints'],
  },
  {
    ...NO_QUEUE,
    name: 'provisioning-hook',
    about: 'says whether a device may become a satellite',
    memoryMb: 256,
    // AWS IoT waits 5 seconds for it ("Pre-provisioning hooks").
    timeoutS: 5,
    everyMinute: false,
    sends: [],
    uses: ['ledger', 'shadows', 'revocation'],
  },
  {
    ...NO_QUEUE,
    name: 'api',
    about: "the hub's JSON API",
    memoryMb: 512,
    // API Gateway waits 30 seconds at most ("Quotas for configuring and running an HTTP API").
    timeoutS: 29,
    everyMinute: false,
    sends: 'all',
    uses: [
      'ledger',
      'recall',
      'telemetry',
      'model',
      'shadows',
      'revocation',
      'fleet',
      'audit-read',
      'artifacts',
      'push-endpoints',
      'redrive',
    ],
  },
];

/** The function that works the queue off. */
export function worker(queue: string): FunctionSpec | undefined {
  return FUNCTIONS.find(spec => spec.queues.includes(queue));
}
