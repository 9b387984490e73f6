/**
 * What people see of a running hub: alarms to one topic, and a dashboard. Knows resources by name.
 */
import {
  aws_cloudwatch as cw,
  aws_cloudwatch_actions as actions,
  aws_sns as sns,
  CfnOutput,
  Duration,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { alarms, type AlarmSpec, type Made, METRICS } from './alarms';
import { FUNCTIONS } from './functions';
import { type Names, pascal } from './names';
import type { Rendered } from './rendered';
import type { Settings } from './settings';

/** Where alarms' descriptions point to. */
const RUNBOOK = 'docs/operations.md';

export interface ObservabilityStackProps {
  readonly settings: Settings;
  readonly rendered: Rendered;
  readonly names: Names;
  readonly made: Made;
}

/** Stack NAME-observability. */
export class ObservabilityStack extends Stack {
  constructor(scope: Construct, { settings, rendered, names, made }: ObservabilityStackProps) {
    super(scope, names.part('observability'), {
      stackName: names.part('observability'),
      description: `marvain ${settings.stage}: alarms and a dashboard`,
    });
    const topic = new sns.Topic(this, 'Alarms', {
      displayName: `marvain alarms of ${settings.stack}`,
      enforceSSL: true,
    });
    Validations.of(topic).acknowledge({
      id: 'AwsSolutions-SNS2',
      reason: 'CloudWatch needs a customer managed key to publish encrypted; alarms name functions and queues, nobody.',
    });
    if (settings.alarmEmail) {
      new sns.Subscription(this, 'AlarmEmail', {
        topic,
        protocol: sns.SubscriptionProtocol.EMAIL,
        endpoint: settings.alarmEmail,
      });
    }
    const action = new actions.SnsAction(topic);
    const all = alarms(settings, rendered, names, made).map(spec => {
      const alarm = this.alarm(spec, names);
      alarm.addAlarmAction(action);
      alarm.addOkAction(action);
      return alarm;
    });
    this.dashboard(rendered, names, made, all);
    new CfnOutput(this, 'AlarmTopic', { value: topic.topicArn, description: 'Subscribe to it to hear of alarms' });
  }

  private alarm(spec: AlarmSpec, names: Names): cw.Alarm {
    return new cw.Alarm(this, pascal(spec.name), {
      alarmName: `${names.stack}-${spec.name}`,
      alarmDescription: `${spec.about} ${RUNBOOK}#${spec.runbook}`,
      metric: new cw.Metric({
        namespace: spec.namespace,
        metricName: spec.metric,
        dimensionsMap: { ...spec.dimensions },
        statistic: spec.statistic,
        period: Duration.seconds(spec.periodS),
      }),
      threshold: spec.threshold,
      evaluationPeriods: spec.periods,
      comparisonOperator: spec.below
        ? cw.ComparisonOperator.LESS_THAN_THRESHOLD
        : cw.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: spec.missingIsBad ? cw.TreatMissingData.BREACHING : cw.TreatMissingData.NOT_BREACHING,
    });
  }

  private dashboard(rendered: Rendered, names: Names, made: Made, alarms: cw.Alarm[]): void {
    const metric = (namespace: string, metricName: string, statistic: string, dimensionsMap: Record<string, string>) =>
      new cw.Metric({ namespace, metricName, statistic, dimensionsMap, period: Duration.minutes(1) });
    const graph = (title: string, left: cw.IMetric[]) => new cw.GraphWidget({ title, left, width: 12, height: 6 });
    const functions = (metricName: string, statistic: string) =>
      FUNCTIONS.map(spec => metric('AWS/Lambda', metricName, statistic, { FunctionName: names.function(spec.name) }));
    const queues = (metricName: string, name: (queue: string) => string) =>
      rendered.queues.map(queue => metric('AWS/SQS', metricName, 'Maximum', { QueueName: name(queue.name) }));
    const own = (metricName: string, name: string, queue?: string) =>
      metric(METRICS.namespace, metricName, queue ? 'Sum' : 'Maximum', {
        [METRICS.dimension]: name,
        ...(queue && { [METRICS.queueDimension]: queue }),
      });
    const ofQueues = (metricName: string) =>
      FUNCTIONS.flatMap(spec => spec.queues.map(queue => own(metricName, spec.name, queue)));

    const dashboard = new cw.Dashboard(this, 'Dashboard', {
      dashboardName: names.stack,
      defaultInterval: Duration.hours(3),
    });
    dashboard.addWidgets(new cw.AlarmStatusWidget({ title: 'Alarms', alarms, width: 24, height: 4 }));
    dashboard.addWidgets(
      graph('Deliveries', ofQueues('deliveries')),
      graph('Refused and tried again', [...ofQueues('rejected'), ...ofQueues('retried')]),
    );
    dashboard.addWidgets(
      graph(
        'Oldest delivery, s',
        queues('ApproximateAgeOfOldestMessage', queue => names.queue(queue)),
      ),
      graph(
        'Dead letters',
        queues('ApproximateNumberOfMessagesVisible', queue => names.deadLetters(queue)),
      ),
    );
    dashboard.addWidgets(
      graph('Errors', functions('Errors', 'Sum')),
      graph('Duration p99, ms', functions('Duration', 'p99')),
    );
    dashboard.addWidgets(
      graph('Audit rows waiting; effects stuck', [own('audit_waiting', 'tick'), own('outbox_stuck', 'tick')]),
      graph('Aurora capacity, ACU', [
        metric('AWS/RDS', 'ServerlessDatabaseCapacity', 'Maximum', { DBClusterIdentifier: names.databaseCluster() }),
      ]),
    );
    dashboard.addWidgets(
      graph('Ledger units', [
        metric('AWS/DynamoDB', 'ConsumedReadCapacityUnits', 'Sum', { TableName: made.tableName }),
        metric('AWS/DynamoDB', 'ConsumedWriteCapacityUnits', 'Sum', { TableName: made.tableName }),
      ]),
      graph(
        'API',
        ['Count', '4xx', '5xx'].map(name => metric('AWS/ApiGateway', name, 'Sum', { ApiId: made.apiId })),
      ),
    );
  }
}
