/**
 * What outlives `cdk destroy`, taken from the synthesised templates, with the commands that remove it: what a teardown has
 * to name. Written beside the templates as `retained.json`.
 */

/** As much of a template as matters here. */
export interface Template {
  readonly Resources?: Readonly<Record<string, TemplateResource>>;
}

export interface TemplateResource {
  readonly Type: string;
  readonly DeletionPolicy?: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

/** One resource that stays. */
export interface Retained {
  readonly stack: string;
  readonly logicalId: string;
  readonly type: string;
  /** `Retain`: the resource itself stays. `Snapshot`: it goes, and a snapshot stays. */
  readonly policy: 'Retain' | 'Snapshot';
  readonly what: string;
  /** To run before the stack can be deleted at all. */
  readonly before: readonly string[];
  /** To run afterwards, to be rid of it. */
  readonly after: readonly string[];
}

/** `{id}` in a command stands for the physical id, which CloudFormation knows by stack and logical id. */
interface Removal {
  readonly what: string;
  readonly before?: (properties: Readonly<Record<string, unknown>>) => readonly string[];
  readonly after: readonly string[];
}

const REMOVALS: Readonly<Record<string, Removal>> = {
  'AWS::DynamoDB::Table': {
    what: 'the ledger: all facts',
    after: [
      'aws dynamodb update-table --table-name {id} --no-deletion-protection-enabled',
      'aws dynamodb delete-table --table-name {id}',
    ],
  },
  'AWS::S3::Bucket': {
    what: 'a bucket with its objects; while a version is under Object Lock, S3 refuses to delete it',
    after: [
      'aws s3api list-object-versions --bucket {id} --output json --query ' +
        `'{Objects: [Versions, DeleteMarkers][][].{Key: Key, VersionId: VersionId}}' > versions.json`,
      'aws s3api delete-objects --bucket {id} --delete file://versions.json',
      'aws s3api delete-bucket --bucket {id}',
    ],
  },
  'AWS::KMS::Key': {
    what: "the audit log's signing key; its public half in the vault goes on verifying",
    after: ['aws kms schedule-key-deletion --key-id {id} --pending-window-in-days 30'],
  },
  'AWS::Logs::LogGroup': {
    what: 'a log group; delete it before the same stack is deployed again',
    after: ['aws logs delete-log-group --log-group-name {id}'],
  },
  'AWS::RDS::DBCluster': {
    what: 'a last snapshot of recall and readings',
    before: properties =>
      properties.DeletionProtection === true
        ? ['aws rds modify-db-cluster --db-cluster-identifier {id} --no-deletion-protection --apply-immediately']
        : [],
    after: [
      'aws rds describe-db-cluster-snapshots --db-cluster-identifier {id} --query ' +
        "'DBClusterSnapshots[].DBClusterSnapshotIdentifier' --output text",
      'aws rds delete-db-cluster-snapshot --db-cluster-snapshot-identifier SNAPSHOT',
    ],
  },
  'AWS::Cognito::UserPool': {
    what: 'people, and their passkeys',
    after: [
      'aws cognito-idp update-user-pool --user-pool-id {id} --deletion-protection INACTIVE',
      'aws cognito-idp delete-user-pool --user-pool-id {id}',
    ],
  },
  'AWS::Timestream::Table': {
    what: 'readings; its id is DATABASE|TABLE',
    after: ['aws timestream-write delete-table --database-name DATABASE --table-name TABLE'],
  },
  'AWS::Timestream::Database': {
    what: 'the database of readings, once its table is deleted',
    after: ['aws timestream-write delete-database --database-name {id}'],
  },
};

/** What of a stack stays. Throws for a sort of resource that nobody has said how to remove. */
export function retained(stack: string, template: Template): Retained[] {
  return Object.entries(template.Resources ?? {}).flatMap(([logicalId, resource]) => {
    const policy = resource.DeletionPolicy;
    if (policy !== 'Retain' && policy !== 'Snapshot') return [];
    const removal = REMOVALS[resource.Type];
    if (!removal)
      throw new Error(`\`${logicalId}\` of ${stack} stays, and nothing says how to remove ${resource.Type}`);
    const before = removal.before?.(resource.Properties ?? {}) ?? [];
    return [{ stack, logicalId, type: resource.Type, policy, what: removal.what, before, after: removal.after }];
  });
}
