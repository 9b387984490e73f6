/**
 * What the Rust crates render for whoever deploys: topics, queues, rules and IoT policies by `topics`, the ledger's table
 * by `marvain-aws`. Read once, checked, and passed on unchanged. This is the only file that knows where they are.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The root of the source tree, seen from the compiled file in `cdk/out/lib`. */
export const ROOT = join(__dirname, '..', '..', '..');

/** A queue of `queues.json`. */
export interface Queue {
  readonly name: string;
  readonly visibility_s: number;
  readonly attempts_max: number;
}

/** A rule of `rules.json`. */
export interface Rule {
  readonly name: string;
  readonly about: string;
  readonly sql: string;
  readonly sql_version: string;
  readonly queue: string;
  readonly error_queue: string;
}

/** An attribute of a key, and its type: `S`. */
export interface KeyAttribute {
  readonly name: string;
  readonly type: string;
}

/** The ledger's table (`crates/aws/src/ledger/schema.rs`). */
export interface Table {
  readonly partition: KeyAttribute;
  readonly sort: KeyAttribute;
  /** There are none: lists are items of their own. */
  readonly indexes: readonly never[];
  readonly ttl_attribute: string;
  readonly stream_view: string;
  /** Partition of audit rows that are not sealed yet: what the stream wakes the log's writer for. */
  readonly audit_partition: string;
}

/** All of it. */
export interface Rendered {
  readonly queues: readonly Queue[];
  readonly rules: readonly Rule[];
  readonly claimPolicy: object;
  readonly satellitePolicy: object;
  /** The provisioning template as text, byte for byte. */
  readonly provisioningTemplate: string;
  readonly table: Table;
}

/** Where each file is, from the root. */
export const FILES = {
  queues: 'topics/rendered/queues.json',
  rules: 'topics/rendered/rules.json',
  claimPolicy: 'topics/rendered/claim-policy.json',
  satellitePolicy: 'topics/rendered/satellite-policy.json',
  provisioningTemplate: 'topics/rendered/provisioning-template.json',
  channels: 'topics/rendered/channels.json',
  table: 'crates/aws/rendered/table.json',
} as const;

/** The text of a rendered file. */
export function text(file: keyof typeof FILES): string {
  return readFileSync(join(ROOT, FILES[file]), 'utf8');
}

function json<T>(file: keyof typeof FILES, isRight: (value: T) => boolean): T {
  const value = JSON.parse(text(file)) as T;
  if (!isRight(value)) throw new Error(`\`${FILES[file]}\` does not have the shape that cdk reads`);
  return value;
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** Reads everything. Throws with the file's name if one is missing or of another shape. */
export function rendered(): Rendered {
  return {
    queues: json<Queue[]>('queues', value =>
      value.every(queue => queue.name && queue.visibility_s > 0 && queue.attempts_max > 0),
    ),
    rules: json<Rule[]>('rules', value =>
      value.every(rule => rule.name && rule.sql && rule.sql_version && rule.queue && rule.error_queue),
    ),
    claimPolicy: json<object>('claimPolicy', isObject),
    satellitePolicy: json<object>('satellitePolicy', isObject),
    provisioningTemplate: text('provisioningTemplate'),
    table: json<Table>('table', value =>
      Boolean(
        value.partition.name &&
        value.sort.name &&
        value.indexes.length === 0 &&
        value.ttl_attribute &&
        value.stream_view &&
        value.audit_partition,
      ),
    ),
  };
}

/**
 * The name that satellites ask for the provisioning template by. It is part of a reserved topic, so it is taken from the
 * rendered channel instead of being written twice.
 */
export function templateName(): string {
  interface Channels {
    readonly channels: readonly { readonly name: string; readonly topic: string }[];
  }
  const { channels } = json<Channels>('channels', value => Array.isArray(value.channels));
  const name = channels.find(channel => channel.name === 'provisioning.provision')?.topic.split('/')[2];
  if (!name) throw new Error(`\`${FILES.channels}\` has no channel to be provisioned on`);
  return name;
}

/** The name of the satellites' policy, as the provisioning template attaches it. */
export function satellitePolicyName(rendered: Rendered): string {
  interface Template {
    readonly Resources?: { readonly policy?: { readonly Properties?: { readonly PolicyName?: string } } };
  }
  const name = (JSON.parse(rendered.provisioningTemplate) as Template).Resources?.policy?.Properties?.PolicyName;
  if (!name) throw new Error(`\`${FILES.provisioningTemplate}\` attaches no policy`);
  return name;
}
