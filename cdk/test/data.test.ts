/** What holds data: kept as the stage says, reached as nobody else. */
import { rendered } from '../lib/rendered';
import { all, type Json, one, PARTS, readable, STAGES, synthesised, template } from './support';

describe.each(STAGES)('%s', stage => {
  test('the table is the rendered one, recoverable, and not to be deleted by accident', () => {
    const table = one(stage, 'data', 'AWS::DynamoDB::Table');
    const { partition, sort, ttl_attribute, stream_view } = rendered().table;
    expect(table).toMatchObject({
      AttributeDefinitions: [partition, sort].map(({ name, type }) => ({ AttributeName: name, AttributeType: type })),
      KeySchema: [
        { AttributeName: partition.name, KeyType: 'HASH' },
        { AttributeName: sort.name, KeyType: 'RANGE' },
      ],
      TimeToLiveSpecification: { AttributeName: ttl_attribute, Enabled: true },
      StreamSpecification: { StreamViewType: stream_view },
      BillingMode: 'PAY_PER_REQUEST',
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
    });
    expect([table.TableName, table.GlobalSecondaryIndexes]).toEqual([undefined, undefined]);
  });

  test('the vault locks what is written, as strictly as the stage says, and the stack says so', () => {
    const vault = all(stage, 'data', 'AWS::S3::Bucket').find(({ id }) => id.startsWith('Vault'))!.properties;
    const [Mode, Days] = stage === 'prod' ? ['COMPLIANCE', 365] : ['GOVERNANCE', 1];
    expect(vault).toMatchObject({
      ObjectLockEnabled: true,
      ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode, Days } } },
      VersioningConfiguration: { Status: 'Enabled' },
    });
    const { Description, Outputs } = template(stage, 'data');
    expect(Description).toContain(`${Days} day(s) in ${Mode} mode`);
    expect(Outputs!.VaultRetention.Value).toBe(`${Mode} ${Days}d`);
    const functions = all(stage, 'compute', 'AWS::Lambda::Function');
    for (const { properties } of functions) {
      expect(properties.Environment.Variables).toMatchObject({
        MARVAIN_VAULT_MODE: Mode,
        MARVAIN_VAULT_RETENTION_DAYS: String(Days),
      });
    }
  });

  test('nobody may write to the vault without asking that the name be free', () => {
    const denied = all(stage, 'data', 'AWS::S3::BucketPolicy')
      .flatMap(({ properties }) => properties.PolicyDocument.Statement)
      .filter(({ Sid }: Json) => Sid === 'WriteOnce');
    expect(denied).toHaveLength(1);
    expect(denied[0]).toMatchObject({
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: 's3:PutObject',
      Condition: { Null: { 's3:if-none-match': 'true' } },
    });
    expect(JSON.stringify(denied[0].Resource)).toMatch(/Vault.*\/\*/);
  });

  test('buckets are private, encrypted, and reached by TLS 1.2 or later alone', () => {
    const buckets = all(stage, 'data', 'AWS::S3::Bucket');
    expect(buckets.map(({ id }) => id.replace(/[0-9A-F]{8}$/, '')).sort()).toEqual(['Artifacts', 'Vault']);
    const policies = all(stage, 'data', 'AWS::S3::BucketPolicy').map(({ properties }) => properties);
    for (const { id, properties } of buckets) {
      expect(properties.PublicAccessBlockConfiguration).toEqual({
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      });
      expect(properties.BucketEncryption).toBeDefined();
      expect(properties.BucketName).toBeUndefined();
      const { Statement } = policies.find((policy: Json) => policy.Bucket.Ref === id).PolicyDocument;
      expect(Statement.every((statement: Json) => statement.Effect === 'Deny')).toBe(true);
      expect(JSON.stringify(Statement)).toContain('"aws:SecureTransport":"false"');
      expect(JSON.stringify(Statement)).toContain('"s3:TlsVersion":1.2');
    }
    const artifacts = buckets.find(({ id }) => id.startsWith('Artifacts'))!.properties;
    expect(artifacts.LifecycleConfiguration.Rules.map((rule: Json) => rule.Id)).toEqual(['forget', 'unfinished']);
    expect(artifacts.ObjectLockEnabled).toBeUndefined();
  });

  test('the database pauses, is reached by the Data API alone, and is kept as the stage says', () => {
    const prod = stage === 'prod';
    const cluster = one(stage, 'data', 'AWS::RDS::DBCluster');
    expect(cluster).toMatchObject({
      Engine: 'aurora-postgresql',
      EnableHttpEndpoint: true,
      EnableIAMDatabaseAuthentication: true,
      ManageMasterUserPassword: true,
      StorageEncrypted: true,
      ServerlessV2ScalingConfiguration: { MinCapacity: 0, MaxCapacity: prod ? 8 : 2, SecondsUntilAutoPause: 300 },
      BackupRetentionPeriod: prod ? 14 : 1,
    });
    expect(cluster.DeletionProtection ?? false).toBe(prod);
    expect(cluster.MasterUserPassword).toBeUndefined();
    // Scaling to zero needs 16.3 or later, iterative scans of pgvector 0.8 a later one still.
    expect(Number(cluster.EngineVersion.split('.')[1])).toBeGreaterThanOrEqual(8);
    expect(cluster.EngineVersion).toMatch(/^16\./);
    expect(one(stage, 'data', 'AWS::RDS::DBInstance')).toMatchObject({
      DBInstanceClass: 'db.serverless',
      PubliclyAccessible: false,
    });
  });

  test('nothing leads into or out of its network', () => {
    const types = Object.values(template(stage, 'data').Resources).map(resource => resource.Type);
    for (const type of ['InternetGateway', 'NatGateway', 'Route', 'EIP', 'VPCEndpoint']) {
      expect(types).not.toContain(`AWS::EC2::${type}`);
    }
    const group = one(stage, 'data', 'AWS::EC2::SecurityGroup');
    expect(group.SecurityGroupIngress).toBeUndefined();
    expect(group.SecurityGroupEgress).toEqual([expect.objectContaining({ CidrIp: '255.255.255.255/32' })]);
    expect(one(stage, 'data', 'AWS::EC2::VPC').CidrBlock).toMatch(/^10\./);
  });

  test("the audit log's key signs with Ed25519 and does nothing else", () => {
    const key = one(stage, 'data', 'AWS::KMS::Key');
    expect(key).toMatchObject({ KeySpec: 'ECC_NIST_EDWARDS25519', KeyUsage: 'SIGN_VERIFY' });
    for (const statement of key.KeyPolicy.Statement) {
      expect(readable(statement.Principal.AWS)).toBe('arn:<AWS::Partition>:iam::<AWS::AccountId>:root');
    }
  });

  test('what a teardown leaves behind is listed with the commands that remove it', () => {
    const kept = PARTS.flatMap(part =>
      Object.entries(template(stage, part).Resources)
        .filter(([, resource]) => ['Retain', 'Snapshot'].includes(resource.DeletionPolicy))
        .map(([id]) => id),
    );
    const listed = JSON.parse(synthesised(stage, 'retained.json')) as Json[];
    expect(listed.map(each => each.logicalId)).toEqual(kept);
    expect(kept.map(id => id.replace(/[0-9A-F]{8}$/, ''))).toEqual(
      expect.arrayContaining(['Ledger', 'Vault', 'Artifacts', 'LogKey']),
    );
    for (const each of listed) {
      expect(each.after.length).toBeGreaterThan(0);
      for (const command of [...each.before, ...each.after]) expect(command).toMatch(/^aws [a-z0-9-]+ [a-z-]+ --/);
    }
    const cluster = listed.find(each => each.type === 'AWS::RDS::DBCluster');
    expect(cluster?.before.length).toBe(stage === 'prod' ? 1 : undefined);
  });

  test('no template holds a secret', () => {
    for (const secret of all(stage, 'data', 'AWS::SecretsManager::Secret')) {
      expect(secret.properties.SecretString).toBeUndefined();
      expect(secret.properties.GenerateSecretString).toBeUndefined();
    }
    expect(all(stage, 'data', 'AWS::SecretsManager::Secret')).toHaveLength(stage === 'prod' ? 1 : 0);
  });
});
