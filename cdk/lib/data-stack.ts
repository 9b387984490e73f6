/**
 * What holds data: the ledger, recall, the vault, artifacts, the audit log's key, the model's secret. Knows of nobody who
 * uses it.
 */
import {
  aws_dynamodb as dynamodb,
  aws_iam as iam,
  aws_kms as kms,
  aws_s3 as s3,
  aws_secretsmanager as secrets,
  aws_timestream as timestream,
  CfnOutput,
  Duration,
  RemovalPolicy,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Names } from './names';
import { DATABASE, RecallDatabase } from './recall-database';
import type { Rendered, Table } from './rendered';
import type { Settings } from './settings';

/** Days that a mistake in the ledger can be undone for (PITR: 1 to 35). */
const RECOVERY_DAYS = { dev: 7, prod: 35 } as const;
/** Days that audio and pictures are kept. */
const ARTIFACT_DAYS = 90;
/** Days that a key waits before it is deleted, once a person asks for that. */
const KEY_PENDING_DAYS = 30;
/** Readings in Timestream: hours in memory, days on disk. */
const TIMESTREAM_RETENTION = { MemoryStoreRetentionPeriodInHours: '24', MagneticStoreRetentionPeriodInDays: '365' };

/** What other stacks know of the data: imports of exports that are named `NAME-data-…`. */
export interface Shared {
  readonly tableName: string;
  readonly tableArn: string;
  readonly tableStreamArn: string;
  readonly clusterArn: string;
  readonly sqlSecretArn: string;
  readonly vaultBucket: string;
  readonly vaultArn: string;
  readonly artifactsBucket: string;
  readonly artifactsArn: string;
  readonly logKeyId: string;
  readonly logKeyArn: string;
  readonly openAiSecretArn?: string;
  readonly timestream?: { readonly database: string; readonly table: string; readonly tableArn: string };
}

export interface DataStackProps {
  readonly settings: Settings;
  readonly rendered: Rendered;
  readonly names: Names;
}

/** Stack NAME-data. */
export class DataStack extends Stack {
  readonly table: dynamodb.CfnTable;
  readonly recall: RecallDatabase;
  readonly vault: s3.Bucket;
  readonly artifacts: s3.Bucket;
  readonly logKey: kms.Key;
  readonly openAiSecret?: secrets.CfnSecret;
  readonly timestream?: timestream.CfnTable;
  readonly shared: Shared;

  constructor(scope: Construct, { settings, rendered, names }: DataStackProps) {
    const { mode, days } = settings.vault;
    super(scope, names.part('data'), {
      stackName: names.part('data'),
      description:
        `marvain ${settings.stage}: data. The vault keeps each audit object for ${days} day(s) in ${mode} mode` +
        (mode === 'COMPLIANCE' ? ': until then nobody, not even the account root, can delete it.' : '.'),
    });
    this.table = this.makeTable(settings, rendered.table);
    this.recall = new RecallDatabase(this, 'Recall', { settings, names });
    this.vault = this.bucket('Vault', {
      objectLockEnabled: true,
      objectLockDefaultRetention:
        mode === 'COMPLIANCE'
          ? s3.ObjectLockRetention.compliance(Duration.days(days))
          : s3.ObjectLockRetention.governance(Duration.days(days)),
      versioned: true,
    });
    this.writeOnce(this.vault);
    this.artifacts = this.bucket('Artifacts', {
      lifecycleRules: [
        { id: 'forget', expiration: Duration.days(ARTIFACT_DAYS) },
        { id: 'unfinished', abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    this.logKey = new kms.Key(this, 'LogKey', {
      description: "marvain: signs the audit log's checkpoints (Ed25519)",
      keySpec: kms.KeySpec.ECC_NIST_EDWARDS25519,
      keyUsage: kms.KeyUsage.SIGN_VERIFY,
      pendingWindow: Duration.days(KEY_PENDING_DAYS),
      removalPolicy: RemovalPolicy.RETAIN,
    });
    if (settings.openAi) this.openAiSecret = this.makeOpenAiSecret();
    if (settings.telemetry === 'timestream') this.timestream = this.makeTimestream();
    this.shared = this.share(names);
    this.outputs(settings);
  }

  private share(names: Names): Shared {
    const share = (name: string, value: string) => this.exportValue(value, { name: names.part(`data-${name}`) });
    return {
      tableName: share('table', this.table.ref),
      tableArn: share('table-arn', this.table.attrArn),
      tableStreamArn: share('table-stream-arn', this.table.attrStreamArn),
      clusterArn: share('cluster-arn', this.recall.clusterArn),
      sqlSecretArn: share('sql-secret-arn', this.recall.secretArn),
      vaultBucket: share('vault', this.vault.bucketName),
      vaultArn: share('vault-arn', this.vault.bucketArn),
      artifactsBucket: share('artifacts', this.artifacts.bucketName),
      artifactsArn: share('artifacts-arn', this.artifacts.bucketArn),
      logKeyId: share('log-key', this.logKey.keyId),
      logKeyArn: share('log-key-arn', this.logKey.keyArn),
      openAiSecretArn: this.openAiSecret && share('openai-secret-arn', this.openAiSecret.ref),
      timestream: this.timestream && {
        database: share('readings', this.timestream.databaseName),
        table: share('readings-table', this.timestream.attrName),
        tableArn: share('readings-table-arn', this.timestream.attrArn),
      },
    };
  }

  private makeTable(settings: Settings, table: Table): dynamodb.CfnTable {
    const made = new dynamodb.CfnTable(this, 'Ledger', {
      attributeDefinitions: [table.partition, table.sort].map(key => ({
        attributeName: key.name,
        attributeType: key.type,
      })),
      keySchema: [
        { attributeName: table.partition.name, keyType: 'HASH' },
        { attributeName: table.sort.name, keyType: 'RANGE' },
      ],
      billingMode: 'PAY_PER_REQUEST',
      timeToLiveSpecification: { attributeName: table.ttl_attribute, enabled: true },
      streamSpecification: { streamViewType: table.stream_view },
      pointInTimeRecoverySpecification: {
        pointInTimeRecoveryEnabled: true,
        recoveryPeriodInDays: RECOVERY_DAYS[settings.stage],
      },
      sseSpecification: { sseEnabled: true },
      deletionProtectionEnabled: true,
    });
    made.applyRemovalPolicy(RemovalPolicy.RETAIN);
    return made;
  }

  /** A bucket that only TLS reaches and only this account's own roles read. */
  private bucket(id: string, props: Partial<s3.BucketProps>): s3.Bucket {
    const bucket = new s3.Bucket(this, id, {
      ...props,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Server access logs would be a third bucket with as many objects as requests. Only two roles of this app reach a ' +
        'bucket, each object is recorded in the ledger, and CloudTrail data events can be switched on for an inquiry.',
    });
    return bucket;
  }

  /**
   * An object's name is taken once, by nobody twice: a write that does not ask for that is refused, whoever asks ("Enforce
   * conditional writes on Amazon S3 buckets"). Uploads in parts do not ask before they end, and nobody here makes any.
   */
  private writeOnce(bucket: s3.Bucket): void {
    bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'WriteOnce',
        effect: iam.Effect.DENY,
        principals: [new iam.AnyPrincipal()],
        actions: ['s3:PutObject'],
        resources: [bucket.arnForObjects('*')],
        conditions: { Null: { 's3:if-none-match': 'true' } },
      }),
    );
  }

  /** Empty until a person puts the key in, so that the key is in no template and in no shell history of a deployment. */
  private makeOpenAiSecret(): secrets.CfnSecret {
    const secret = new secrets.CfnSecret(this, 'OpenAi', {
      description: 'marvain: the OpenAI API key, as plain text; put in with `aws secretsmanager put-secret-value`',
    });
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: "OpenAI has no interface that rotates a project's key; a person does it (docs/operations.md).",
    });
    return secret;
  }

  private makeTimestream(): timestream.CfnTable {
    const database = new timestream.CfnDatabase(this, 'Readings');
    const table = new timestream.CfnTable(this, 'ReadingsTable', {
      databaseName: database.ref,
      retentionProperties: TIMESTREAM_RETENTION,
    });
    const reason = 'Chosen by `telemetry=timestream`, for accounts that have it from before it was closed to new ones.';
    for (const made of [database, table]) {
      made.applyRemovalPolicy(RemovalPolicy.RETAIN);
      made.addMetadata('cfn-lint', { config: { ignore_checks: ['W3697'] } });
      Validations.of(made).acknowledge({ id: 'CloudFormation-Validate::W3697', reason });
    }
    Validations.of(database).acknowledge({
      id: 'AwsSolutions-TS3',
      reason: 'Timestream encrypts with a key of its own account-wide; readings are no more secret than the ledger.',
    });
    return table;
  }

  private outputs(settings: Settings): void {
    const output = (id: string, value: string, description: string) => new CfnOutput(this, id, { value, description });
    const { mode, days } = settings.vault;
    output('TableName', this.table.ref, 'The ledger');
    output('VaultBucket', this.vault.bucketName, 'The audit log');
    output(
      'VaultRetention',
      `${mode} ${days}d`,
      mode === 'COMPLIANCE'
        ? 'Nobody can delete an audit object, or the bucket, before its days are over'
        : 'Who has s3:BypassGovernanceRetention can delete audit objects: for development only',
    );
    output('ArtifactsBucket', this.artifacts.bucketName, `Audio and pictures, for ${ARTIFACT_DAYS} days`);
    output('SqlClusterArn', this.recall.clusterArn, 'Recall: Aurora PostgreSQL, by the RDS Data API');
    output('SqlSecretArn', this.recall.secretArn, 'Its credentials, rotated by RDS');
    output('SqlDatabase', DATABASE, 'Its database');
    output('LogKeyId', this.logKey.keyId, "Signs the audit log's checkpoints");
    if (this.openAiSecret) output('OpenAiSecretArn', this.openAiSecret.ref, 'Put the OpenAI API key in here');
  }
}
