/**
 * What each use of `functions.ts` means in IAM, and why some resources cannot be named. No grant is made elsewhere, so a
 * role is what its row of the table says.
 */
import { Aws, aws_iam as iam, Stack, Validations } from 'aws-cdk-lib';
import type { FunctionSpec, Use } from './functions';

/** ARNs of what functions use. */
export interface Resources {
  readonly tableArn: string;
  readonly tableStreamArn: string;
  readonly clusterArn: string;
  readonly sqlSecretArn: string;
  readonly openAiSecretArn?: string;
  readonly vaultArn: string;
  readonly artifactsArn: string;
  readonly logKeyArn: string;
  readonly timestreamTableArn?: string;
  readonly pushApplications: Readonly<Record<string, string>>;
  readonly queueArn: (queue: string) => string;
  readonly deadLettersArn: (queue: string) => string;
  readonly queues: readonly string[];
  readonly claimPolicyName: string;
  readonly satellitePolicyName: string;
}

/** Actions on resources. */
export interface Grant {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

const iot = (resource: string): string => `arn:${Aws.PARTITION}:iot:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;

/** What a use grants. */
export function grants(use: Use, to: Resources): Grant[] {
  switch (use) {
    case 'ledger':
      // A transaction needs the rights of its writes ("Amazon DynamoDB Transactions: IAM").
      return [
        {
          actions: [
            'dynamodb:BatchGetItem',
            'dynamodb:BatchWriteItem',
            'dynamodb:ConditionCheckItem',
            'dynamodb:DeleteItem',
            'dynamodb:GetItem',
            'dynamodb:PutItem',
            'dynamodb:Query',
            'dynamodb:UpdateItem',
          ],
          resources: [to.tableArn],
        },
      ];
    case 'ledger-stream':
      return [
        {
          actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
          resources: [to.tableStreamArn],
        },
        { actions: ['dynamodb:ListStreams'], resources: ['*'] },
      ];
    case 'recall':
      return dataApi(to);
    case 'telemetry':
      if (!to.timestreamTableArn) return dataApi(to);
      return [
        { actions: ['timestream:Select', 'timestream:WriteRecords'], resources: [to.timestreamTableArn] },
        { actions: ['timestream:DescribeEndpoints'], resources: ['*'] },
      ];
    case 'model':
      return to.openAiSecretArn
        ? [{ actions: ['secretsmanager:GetSecretValue'], resources: [to.openAiSecretArn] }]
        : [];
    case 'shadows':
      return [{ actions: ['iot:GetThingShadow', 'iot:UpdateThingShadow'], resources: [iot('thing/*')] }];
    case 'revocation':
      return [
        {
          actions: ['iot:DescribeCertificate', 'iot:ListPrincipalThings', 'iot:UpdateCertificate'],
          resources: [iot('cert/*')],
        },
        { actions: ['iot:DeleteConnection'], resources: [iot('client/*')] },
      ];
    case 'fleet':
      return [
        { actions: ['iot:CreateKeysAndCertificate', 'iot:DescribeEndpoint'], resources: ['*'] },
        { actions: ['iot:CreateThing', 'iot:DescribeThing', 'iot:ListThingPrincipals'], resources: [iot('thing/*')] },
        {
          actions: [
            'iot:AttachPolicy',
            'iot:AttachThingPrincipal',
            'iot:DeleteCertificate',
            'iot:DescribeCertificate',
            'iot:DetachPolicy',
            'iot:DetachThingPrincipal',
            'iot:UpdateCertificate',
          ],
          resources: [iot('cert/*')],
        },
        {
          actions: ['iot:GetPolicy'],
          resources: [iot(`policy/${to.claimPolicyName}`), iot(`policy/${to.satellitePolicyName}`)],
        },
      ];
    case 'seal':
      // Each put says its own mode and time, which is a permission of its own ("Object Lock: required permissions").
      return [
        ...vaultRead(to),
        { actions: ['s3:PutObject', 's3:PutObjectRetention'], resources: [`${to.vaultArn}/*`] },
        { actions: ['kms:Sign'], resources: [to.logKeyArn] },
      ];
    case 'audit-read':
      return vaultRead(to);
    case 'artifacts':
      return [{ actions: ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'], resources: [`${to.artifactsArn}/*`] }];
    case 'push': {
      // An endpoint's ARN is its application's with `endpoint` for `app`, and an id at the end.
      const endpoints = Object.values(to.pushApplications).map(arn => `${arn.replace(':app/', ':endpoint/')}/*`);
      return [{ actions: ['sns:Publish'], resources: endpoints }];
    }
    case 'push-endpoints':
      if (Object.keys(to.pushApplications).length === 0) return [];
      return [
        {
          actions: [
            'sns:CreatePlatformEndpoint',
            'sns:DeleteEndpoint',
            'sns:GetEndpointAttributes',
            'sns:SetEndpointAttributes',
          ],
          resources: ['*'],
        },
      ];
    case 'redrive':
      return [
        {
          actions: [
            'sqs:ChangeMessageVisibility',
            'sqs:DeleteMessage',
            'sqs:ListMessageMoveTasks',
            'sqs:ReceiveMessage',
            'sqs:StartMessageMoveTask',
          ],
          resources: to.queues.map(to.deadLettersArn),
        },
        {
          actions: ['sqs:GetQueueAttributes'],
          resources: to.queues.flatMap(queue => [to.queueArn(queue), to.deadLettersArn(queue)]),
        },
      ];
  }
}

/** The first version of each object counts, whatever was put over it, so versions are listed and read. */
function vaultRead(to: Resources): Grant[] {
  return [
    { actions: ['s3:GetObject', 's3:GetObjectVersion'], resources: [`${to.vaultArn}/*`] },
    { actions: ['s3:ListBucket', 's3:ListBucketVersions'], resources: [to.vaultArn] },
    { actions: ['kms:GetPublicKey'], resources: [to.logKeyArn] },
  ];
}

function dataApi(to: Resources): Grant[] {
  return [
    {
      actions: [
        'rds-data:BatchExecuteStatement',
        'rds-data:BeginTransaction',
        'rds-data:CommitTransaction',
        'rds-data:ExecuteStatement',
        'rds-data:RollbackTransaction',
      ],
      resources: [to.clusterArn],
    },
    { actions: ['secretsmanager:GetSecretValue'], resources: [to.sqlSecretArn] },
  ];
}

/** All that a function's role may do; `logsArn` is its log group's. */
export function statements(spec: FunctionSpec, to: Resources, logsArn: string): iam.PolicyStatement[] {
  const sends = spec.sends === 'all' ? to.queues : spec.sends.filter(queue => to.queues.includes(queue));
  const all: Grant[] = [
    { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [`${logsArn}:log-stream:*`] },
    { actions: ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], resources: ['*'] },
    {
      actions: ['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
      resources: spec.queues.filter(queue => to.queues.includes(queue)).map(to.queueArn),
    },
    { actions: ['sqs:SendMessage'], resources: sends.map(to.queueArn) },
    ...spec.uses.flatMap(use => grants(use, to)),
  ];
  return all
    .filter(grant => grant.resources.length > 0)
    .map(grant => new iam.PolicyStatement({ actions: [...grant.actions], resources: [...grant.resources] }));
}

/** An argued `*`. */
export interface Argued {
  readonly actions: RegExp;
  readonly resource: RegExp;
  readonly reason: string;
}

/** A resource as people read it: references in angle brackets, imports by their export's name. */
export function readable(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  const [fn, value] = Object.entries(resource as Record<string, unknown>)[0] ?? [];
  if (fn === 'Ref') return `<${String(value)}>`;
  if (fn === 'Fn::ImportValue') return String(value);
  if (fn === 'Fn::GetAtt') return `<${(value as string[]).join('.')}>`;
  if (fn === 'Fn::Join') {
    const [separator, parts] = value as [string, unknown[]];
    return parts.map(readable).join(separator);
  }
  throw new Error(`a role names a resource by ${String(fn)}, which nobody here can read`);
}

/** Why an action may have this resource, which has a `*`; nothing if nobody has argued it. */
export function argument(action: string, resource: string): string | undefined {
  return ARGUED.find(argued => argued.resource.test(resource) && argued.actions.test(action))?.reason;
}

/** Tells cdk-nag of each `*` of a role's statements that is argued for all of its actions. What is not it reports. */
export function acknowledge(role: iam.Role, statements: readonly iam.PolicyStatement[]): void {
  const reasons = new Map<string, (string | undefined)[]>();
  for (const statement of statements) {
    for (const resource of statement.resources) {
      const name = readable(Stack.of(role).resolve(resource));
      const found = statement.actions.map(action => argument(action, name));
      if (name.includes('*')) reasons.set(name, [...(reasons.get(name) ?? []), ...found]);
    }
  }
  for (const [name, found] of reasons) {
    if (found.includes(undefined)) continue;
    const reason = [...new Set(found)].join('; ');
    Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[Resource::${name}]`, reason });
  }
}

/**
 * Every resource with a `*` that a role may name, and why it cannot be named better. Roles with any other `*`, or with a
 * `*` in an action, fail the tests and cdk-nag.
 */
export const ARGUED: readonly Argued[] = [
  {
    actions: /^xray:(PutTelemetryRecords|PutTraceSegments)$/,
    resource: /^\*$/,
    reason: 'X-Ray has no resource to name for sending traces',
  },
  {
    actions: /^dynamodb:ListStreams$/,
    resource: /^\*$/,
    reason: 'ListStreams has no resource to name; the event source mapping asks for it',
  },
  {
    actions: /^timestream:DescribeEndpoints$/,
    resource: /^\*$/,
    reason: 'DescribeEndpoints has no resource to name, and every client has to ask it first',
  },
  {
    actions: /^iot:(CreateKeysAndCertificate|DescribeEndpoint)$/,
    resource: /^\*$/,
    reason: 'neither action has a resource to name: the certificate does not exist yet, and there is one endpoint',
  },
  {
    actions: /^logs:(CreateLogStream|PutLogEvents)$/,
    resource: /^.*:log-stream:\*$/,
    reason: "streams of the function's own log group; Lambda names them",
  },
  {
    actions: /^iot:/,
    resource: /^arn:<AWS::Partition>:iot:<AWS::Region>:<AWS::AccountId>:(thing|cert|client)\/\*$/,
    reason: 'things and certificates are made when satellites enrol; things of a household are all of an account',
  },
  {
    actions: /^s3:(GetObject|GetObjectVersion|PutObject|PutObjectRetention|DeleteObject)$/,
    resource: /^[a-z0-9-]+-data-(vault|artifacts)-arn\/\*$/,
    reason: 'objects of the one bucket; their keys follow from what is stored',
  },
  {
    actions: /^sns:Publish$/,
    resource: /^arn:[^*]*:endpoint\/[^*]*\/\*$/,
    reason: "endpoints of the one platform application; a phone's is made when it registers",
  },
  {
    actions: /^sns:(CreatePlatformEndpoint|DeleteEndpoint|GetEndpointAttributes|SetEndpointAttributes)$/,
    resource: /^\*$/,
    reason: 'actions on platform endpoints have no resource to name in IAM',
  },
];
