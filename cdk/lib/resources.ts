/** The ARNs that grants are about, and the environment that functions read (`lambdas/src/settings.rs`). */
import { Aws, Stack } from 'aws-cdk-lib';
import type { Shared } from './data-stack';
import { CLAIM_POLICY_NAME } from './fleet-names';
import type { Resources } from './grants';
import type { Names } from './names';
import { DATABASE } from './recall-database';
import { type Rendered, satellitePolicyName } from './rendered';
import type { Settings } from './settings';

/** What the functions of a stack use, as that stack refers to it. */
export function resources(data: Shared, rendered: Rendered, names: Names, settings: Settings): Resources {
  // By name: a role may be made before the queue that it is for.
  const sqs = (name: string) => `arn:${Aws.PARTITION}:sqs:${Aws.REGION}:${Aws.ACCOUNT_ID}:${name}`;
  return {
    ...data,
    timestreamTableArn: data.timestream?.tableArn,
    pushApplications: settings.pushApplications,
    queues: rendered.queues.map(queue => queue.name),
    queueArn: queue => sqs(names.queue(queue)),
    deadLettersArn: queue => sqs(names.deadLetters(queue)),
    claimPolicyName: CLAIM_POLICY_NAME,
    satellitePolicyName: satellitePolicyName(rendered),
  };
}

/** URLs that functions find queues by: JSON objects from queue to URL. */
export interface QueueUrls {
  readonly queues: string;
  readonly deadLetters: string;
}

/** The environment of every function. The same for all, so that there is one way to compose a hub; what a function may do
 * with it is its role's affair. */
export function environment(
  stack: Stack,
  data: Shared,
  settings: Settings,
  urls: QueueUrls,
  iotEndpoint: string,
): Record<string, string> {
  const optional: Record<string, string | undefined> = {
    MARVAIN_OPENAI_SECRET_ARN: data.openAiSecretArn,
    MARVAIN_PLANNER_MODEL: settings.plannerModel || undefined,
    MARVAIN_IOT_ROOTS: settings.iotRoots,
    MARVAIN_TIMESTREAM_DATABASE: data.timestream?.database,
    MARVAIN_TIMESTREAM_TABLE: data.timestream?.table,
  };
  return {
    MARVAIN_TABLE: data.tableName,
    MARVAIN_QUEUES: urls.queues,
    MARVAIN_DEAD_LETTERS: urls.deadLetters,
    MARVAIN_SQL_CLUSTER_ARN: data.clusterArn,
    MARVAIN_SQL_SECRET_ARN: data.sqlSecretArn,
    MARVAIN_SQL_DATABASE: DATABASE,
    MARVAIN_VAULT_BUCKET: data.vaultBucket,
    MARVAIN_VAULT_MODE: settings.vault.mode,
    MARVAIN_VAULT_RETENTION_DAYS: String(settings.vault.days),
    MARVAIN_ARTIFACTS_BUCKET: data.artifactsBucket,
    MARVAIN_LOG_KEY_ID: data.logKeyId,
    MARVAIN_LOG_ORIGIN: `marvain.aws/${settings.stack}`,
    MARVAIN_IOT_ENDPOINT: iotEndpoint,
    MARVAIN_TIME_ZONE: settings.timeZone,
    MARVAIN_AGENT: settings.agent,
    MARVAIN_TELEMETRY: settings.telemetry,
    MARVAIN_PUSH_APPLICATIONS: stack.toJsonString(settings.pushApplications),
    ...Object.fromEntries(
      Object.entries(optional).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  };
}
