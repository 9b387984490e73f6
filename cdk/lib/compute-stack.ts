/**
 * What works: queues with dead letters, the functions that work them off, the schedules. Knows what it works on, and not
 * who sends it: rules and the API come later.
 */
import {
  aws_iam as iam,
  aws_lambda as lambda,
  aws_scheduler as scheduler,
  aws_sqs as sqs,
  CfnOutput,
  CfnParameter,
  Duration,
  Fn,
  Stack,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { DataStack } from './data-stack';
import { FUNCTIONS, type FunctionSpec } from './functions';
import { HubFunction } from './hub-function';
import { type Names, pascal } from './names';
import type { Queue, Rendered } from './rendered';
import { environment, type QueueUrls, resources } from './resources';
import type { Settings } from './settings';

/** Days that a dead letter waits for a person: the most that SQS keeps. */
export const DEAD_LETTER_DAYS = 14;
/** Days that a delivery waits for its function: longer than any outage that nobody notices. */
const DELIVERY_DAYS = 4;
/** The function that the API's stack makes. */
export const API = 'api';
const AUDIT = 'audit';
/** Audit rows that one invocation is woken with; it takes all that wait, whatever it is woken with. */
const STREAM_BATCH = 100;
/** How long rows are gathered before it is woken: one checkpoint is signed for all of them. */
const STREAM_WINDOW = Duration.seconds(1);
/** A wake-up that is older is pointless: the schedule has come by since. */
const STREAM_AGE_MAX = Duration.minutes(1);
const STREAM_RETRIES = 2;

export interface ComputeStackProps {
  readonly settings: Settings;
  readonly rendered: Rendered;
  readonly names: Names;
  readonly data: DataStack;
}

/** Stack NAME-compute. */
export class ComputeStack extends Stack {
  readonly queues = new Map<string, sqs.Queue>();
  readonly functions = new Map<string, lambda.Function>();
  /** As another stack imports them. */
  readonly urls: QueueUrls;
  readonly iotEndpoint: string;
  private readonly props: ComputeStackProps;

  constructor(scope: Construct, props: ComputeStackProps) {
    const { settings, rendered, names, data } = props;
    super(scope, names.part('compute'), {
      stackName: names.part('compute'),
      description: `marvain ${settings.stage}: queues, functions, schedules`,
    });
    this.props = props;
    const endpoint = new CfnParameter(this, 'IotEndpoint', {
      description:
        'Host of the AWS IoT data endpoint: `aws iot describe-endpoint --endpoint-type iot:Data-ATS`. CloudFormation has ' +
        'no attribute for it.',
      allowedPattern: '[A-Za-z0-9.-]+',
      constraintDescription: 'a host name',
    });
    const dead = new Map(rendered.queues.map(queue => [queue.name, this.deadLetters(queue.name)]));
    for (const queue of rendered.queues) this.queues.set(queue.name, this.queue(queue, dead.get(queue.name)));
    const urls = (queues: Map<string, sqs.Queue>) =>
      this.toJsonString(Object.fromEntries([...queues].map(([name, queue]) => [name, queue.queueUrl])));
    const own = { queues: urls(this.queues), deadLetters: urls(dead) };

    const env = environment(this, data.shared, settings, own, endpoint.valueAsString);
    const to = resources(data.shared, rendered, names, settings);
    for (const spec of FUNCTIONS.filter(spec => spec.name !== API)) {
      const reservedConcurrency = spec.name === AUDIT && settings.reserveAudit ? 1 : undefined;
      const made = new HubFunction(this, {
        spec,
        settings,
        names,
        resources: to,
        environment: env,
        reservedConcurrency,
      });
      this.functions.set(spec.name, made.function);
      for (const name of spec.queues) this.map(spec, made, name);
      if (spec.uses.includes('ledger-stream')) this.mapStream(made);
      if (spec.everyMinute) this.schedule(spec, made);
    }

    const output = (id: string, value: string, description: string, exportName?: string) =>
      new CfnOutput(this, id, { value, description, exportName });
    output('QueueUrls', own.queues, 'Queue to its URL', names.part('queue-urls'));
    output('DeadLetterUrls', own.deadLetters, "Queue to its dead letters' URL", names.part('dead-letter-urls'));
    output('IotDataEndpoint', endpoint.valueAsString, 'Where satellites connect', names.part('iot-endpoint'));
    this.urls = {
      queues: Fn.importValue(names.part('queue-urls')),
      deadLetters: Fn.importValue(names.part('dead-letter-urls')),
    };
    this.iotEndpoint = Fn.importValue(names.part('iot-endpoint'));
  }

  private deadLetters(name: string): sqs.Queue {
    return new sqs.Queue(this, `${pascal(name)}DeadLetters`, {
      queueName: this.props.names.deadLetters(name),
      retentionPeriod: Duration.days(DEAD_LETTER_DAYS),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      redriveAllowPolicy: {
        redrivePermission: sqs.RedrivePermission.BY_QUEUE,
        sourceQueues: [
          sqs.Queue.fromQueueArn(
            this,
            `${pascal(name)}Source`,
            this.formatArn({ service: 'sqs', resource: this.props.names.queue(name) }),
          ),
        ],
      },
    });
  }

  private queue(queue: Queue, dead: sqs.Queue | undefined): sqs.Queue {
    if (!dead) throw new Error(`queue \`${queue.name}\` has no dead letters`);
    return new sqs.Queue(this, `${pascal(queue.name)}Queue`, {
      queueName: this.props.names.queue(queue.name),
      visibilityTimeout: Duration.seconds(queue.visibility_s),
      retentionPeriod: Duration.days(DELIVERY_DAYS),
      receiveMessageWaitTime: Duration.seconds(20),
      deadLetterQueue: { queue: dead, maxReceiveCount: queue.attempts_max },
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });
  }

  private map(spec: FunctionSpec, { function: target }: HubFunction, name: string): void {
    const queue = this.queues.get(name);
    if (!queue) throw new Error(`function \`${spec.name}\` works off \`${name}\`, which topics does not render`);
    new lambda.EventSourceMapping(this, `${pascal(name)}Mapping`, {
      target,
      eventSourceArn: queue.queueArn,
      batchSize: spec.batch,
      maxConcurrency: spec.concurrencyMax,
      reportBatchItemFailures: true,
    });
  }

  /** Audit rows wake the log's writer as they are committed. The schedule is what makes sure. */
  private mapStream({ function: target }: HubFunction): void {
    const { data, rendered } = this.props;
    const { partition, audit_partition } = rendered.table;
    new lambda.EventSourceMapping(this, 'AuditRows', {
      target,
      eventSourceArn: data.shared.tableStreamArn,
      startingPosition: lambda.StartingPosition.LATEST,
      batchSize: STREAM_BATCH,
      maxBatchingWindow: STREAM_WINDOW,
      maxRecordAge: STREAM_AGE_MAX,
      retryAttempts: STREAM_RETRIES,
      filters: [
        lambda.FilterCriteria.filter({
          eventName: lambda.FilterRule.isEqual('INSERT'),
          dynamodb: { Keys: { [partition.name]: { S: lambda.FilterRule.isEqual(audit_partition) } } },
        }),
      ],
    });
  }

  private schedule(spec: FunctionSpec, { function: target }: HubFunction): void {
    const name = pascal(spec.name);
    const role = new iam.Role(this, `${name}ScheduleRole`, {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
      description: `marvain: wakes ${spec.name}`,
      inlinePolicies: {
        wake: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [target.functionArn] }),
          ],
        }),
      },
    });
    new scheduler.CfnSchedule(this, `${name}Schedule`, {
      name: this.props.names.function(spec.name),
      description: `marvain: ${spec.about}`,
      scheduleExpression: 'rate(1 minute)',
      flexibleTimeWindow: { mode: 'OFF' },
      // No retries: the next minute is one.
      target: {
        arn: target.functionArn,
        roleArn: role.roleArn,
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
      },
    });
    target.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
  }
}
