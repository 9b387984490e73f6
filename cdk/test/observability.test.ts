/** Alarms: what they watch is there, and each says what to do. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RUNBOOKS } from '../lib/alarms';
import { FUNCTIONS } from '../lib/functions';
import { rendered, ROOT } from '../lib/rendered';
import { all, type Json, one, PARTS, STACK, STAGES, type Stage } from './support';

const alarms = (stage: Stage): Json[] =>
  all(stage, 'observability', 'AWS::CloudWatch::Alarm').map(({ properties }) => properties);
const dimension = (alarm: Json, name: string): unknown =>
  alarm.Dimensions.find((each: Json) => each.Name === name)?.Value;

describe.each(STAGES)('%s', stage => {
  test('each alarm says what to do and where it is written, and tells somebody', () => {
    for (const alarm of alarms(stage)) {
      expect(alarm.AlarmDescription).toMatch(/\. [A-Z].*\. docs\/operations\.md#[a-z-]+$/);
      const anchor = alarm.AlarmDescription.split('#')[1];
      expect(RUNBOOKS).toContain(anchor);
      expect(alarm.AlarmActions).toHaveLength(1);
      expect(alarm.OKActions).toEqual(alarm.AlarmActions);
    }
    const names = alarms(stage).map(alarm => alarm.AlarmName);
    expect(new Set(names).size).toBe(names.length);
  });

  test('every queue, function and rule is watched, by the names that they have', () => {
    const of = (metric: string, name: string) =>
      alarms(stage)
        .filter(alarm => alarm.MetricName === metric)
        .map(alarm => dimension(alarm, name));
    const queues = rendered().queues.map(queue => `${STACK[stage]}-${queue.name}`);
    expect(of('ApproximateNumberOfMessagesVisible', 'QueueName').sort()).toEqual(
      [...queues.map(queue => `${queue}-dead`), `${STACK[stage]}-rule-errors`].sort(),
    );
    expect(of('Errors', 'FunctionName').sort()).toEqual(FUNCTIONS.map(spec => `${STACK[stage]}-${spec.name}`).sort());
    if (stage === 'prod') {
      expect(of('ApproximateAgeOfOldestMessage', 'QueueName').sort()).toEqual([...queues].sort());
      expect(of('Throttles', 'FunctionName')).not.toContain(`${STACK[stage]}-audit`);
      expect(of('Throttles', 'FunctionName')).toHaveLength(FUNCTIONS.length - 1);
      expect(of('Duration', 'FunctionName')).toHaveLength(FUNCTIONS.length);
      expect(of('Failure', 'RuleName')).toEqual(rendered().rules.map(rule => rule.name));
    }
    expect(of('ServerlessDatabaseCapacity', 'DBClusterIdentifier')).toEqual([
      one(stage, 'data', 'AWS::RDS::DBCluster').DBClusterIdentifier,
    ]);
  });

  test("the hub's own metrics are asked for by namespace, name and dimension as functions write them", () => {
    const own = alarms(stage).filter(alarm => alarm.Namespace === 'marvain');
    expect(own.map(alarm => alarm.MetricName).sort()).toEqual(['audit_waiting', 'outbox_stuck']);
    for (const alarm of own) expect(alarm.Dimensions).toEqual([{ Name: 'function', Value: 'tick' }]);
    const written = join(ROOT, 'lambdas', 'src', 'emf.rs');
    if (!existsSync(written)) return;
    const source = readFileSync(written, 'utf8');
    expect(source).toContain('pub const NAMESPACE: &str = "marvain"');
    for (const alarm of own) expect(source).toContain(`"${alarm.MetricName}"`);
  });

  test('the runbook has a heading for each', () => {
    const file = join(ROOT, 'docs', 'operations.md');
    if (!existsSync(file)) return;
    const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ +(.+)$/gm)].map(match =>
      match[1]!
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    for (const anchor of RUNBOOKS) expect(headings).toContain(anchor);
  });

  test('all logs are kept for a time that is said', () => {
    const days = stage === 'prod' ? 90 : 14;
    const groups = PARTS.flatMap(part => all(stage, part, 'AWS::Logs::LogGroup')).map(({ properties }) => properties);
    expect(groups).toHaveLength(FUNCTIONS.length + 2);
    for (const group of groups) expect(group).toMatchObject({ RetentionInDays: days });
  });

  test('docs/cost.md counts the alarms and queues that there are', () => {
    const { assumptions } = JSON.parse(readFileSync(join(ROOT, 'docs', 'cost.json'), 'utf8')) as Json;
    expect(assumptions[`alarms_${stage}`].value).toBe(alarms(stage).length);
    expect(assumptions.queues.value).toBe(rendered().queues.length);
  });

  test('the topic takes TLS alone, and the dashboard draws what there is', () => {
    const policy = one(stage, 'observability', 'AWS::SNS::TopicPolicy');
    expect(JSON.stringify(policy)).toContain('"aws:SecureTransport":"false"');
    const body = JSON.stringify(one(stage, 'observability', 'AWS::CloudWatch::Dashboard').DashboardBody);
    for (const spec of FUNCTIONS) expect(body).toContain(`${STACK[stage]}-${spec.name}`);
    for (const metric of ['deliveries', 'rejected', 'retried', 'audit_waiting', 'outbox_stuck']) {
      expect(body).toContain(metric);
    }
  });
});
