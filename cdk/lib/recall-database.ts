/**
 * Aurora PostgreSQL for recall and readings: Serverless v2, paused while nobody asks, reached by the RDS Data API alone.
 */
import { aws_ec2 as ec2, aws_logs as logs, aws_rds as rds, Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Names } from './names';
import type { Settings } from './settings';

/** Has pgvector 0.8 with iterative scans, and pauses at 0 capacity units ("Aurora PostgreSQL extension versions"). */
const ENGINE = rds.AuroraPostgresEngineVersion.VER_16_9;
/** Name of the database in the cluster. */
export const DATABASE = 'marvain';
/** Idle time until it pauses: the least that Aurora allows. */
const PAUSE_AFTER = Duration.minutes(5);
const BACKUP_DAYS = { dev: 1, prod: 14 } as const;
/** Addresses of the two subnets; nothing but the database is in them. */
const CIDR = '10.74.0.0/24';

export interface RecallDatabaseProps {
  readonly settings: Settings;
  readonly names: Names;
}

/** The database, and the closed network that it needs. */
export class RecallDatabase extends Construct {
  readonly clusterArn: string;
  readonly secretArn: string;

  constructor(scope: Construct, id: string, { settings, names }: RecallDatabaseProps) {
    super(scope, id);
    const prod = settings.stage === 'prod';
    const vpc = this.network();
    const logGroup = new logs.LogGroup(this, 'Logs', {
      logGroupName: names.databaseLogs(),
      retention: settings.logDays as logs.RetentionDays,
      removalPolicy: prod ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    const cluster = new rds.DatabaseCluster(this, 'Cluster', {
      engine: rds.DatabaseClusterEngine.auroraPostgres({ version: ENGINE }),
      clusterIdentifier: names.databaseCluster(),
      defaultDatabaseName: DATABASE,
      credentials: { username: 'marvain' },
      manageMasterUserPassword: true,
      enableDataApi: true,
      iamAuthentication: true,
      storageEncrypted: true,
      serverlessV2MinCapacity: 0,
      serverlessV2MaxCapacity: settings.acuMax,
      serverlessV2AutoPauseDuration: PAUSE_AFTER,
      writer: rds.ClusterInstance.serverlessV2('Writer', { publiclyAccessible: false }),
      vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      securityGroups: [
        new ec2.SecurityGroup(this, 'Closed', {
          vpc,
          description: 'marvain: nobody in, nobody out; the RDS Data API does not come by the network',
          allowAllOutbound: false,
        }),
      ],
      cloudwatchLogsExports: ['postgresql'],
      backup: { retention: Duration.days(BACKUP_DAYS[settings.stage]) },
      copyTagsToSnapshot: true,
      deletionProtection: prod,
      removalPolicy: prod ? RemovalPolicy.SNAPSHOT : RemovalPolicy.DESTROY,
    });
    cluster.node.addDependency(logGroup);
    const made = cluster.node.defaultChild as rds.CfnDBCluster;
    this.clusterArn = made.attrDbClusterArn;
    this.secretArn = made.attrMasterUserSecretSecretArn;
    if (!prod) {
      Validations.of(cluster).acknowledge({
        id: 'AwsSolutions-RDS10',
        reason: 'A development stage can be thrown away; recall is a projection that is rebuilt from the ledger.',
      });
    }
  }

  private network(): ec2.Vpc {
    const vpc = new ec2.Vpc(this, 'Network', {
      ipAddresses: ec2.IpAddresses.cidr(CIDR),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'closed', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 27 }],
    });
    Validations.of(vpc).acknowledge({
      id: 'AwsSolutions-VPC7',
      reason: 'No packet can flow: isolated subnets, no gateway, a security group that lets nothing in or out.',
    });
    return vpc;
  }
}
