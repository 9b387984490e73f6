/** Functions, queues and what joins them. */
import { FUNCTIONS, VISIBILITY_MARGIN_S, VISIBILITY_TIMEOUTS, worker } from '../lib/functions';
import { rendered } from '../lib/rendered';
import { all, type Json, readable, STACK, STAGES, type Stage } from './support';

/** "Lambda quotas": environment variables, all together. */
const ENVIRONMENT_BYTES_MAX = 4096;

const lambdas = (stage: Stage) =>
  [...all(stage, 'compute', 'AWS::Lambda::Function'), ...all(stage, 'api', 'AWS::Lambda::Function')].map(
    ({ id, properties }) => ({ id, ...properties }) as Json,
  );

describe('the table', () => {
  test('gives every queue one function, and every function queues that there are', () => {
    const queues = rendered().queues.map(queue => queue.name);
    expect(FUNCTIONS.flatMap(spec => spec.queues).sort()).toEqual([...queues].sort());
    for (const spec of FUNCTIONS) {
      if (spec.sends !== 'all') for (const queue of spec.sends) expect(queues).toContain(queue);
    }
  });

  test('lets no delivery come again while it is worked on', () => {
    for (const queue of rendered().queues) {
      const spec = worker(queue.name)!;
      const waits = spec.uses.includes('model');
      const needed = waits ? spec.timeoutS + VISIBILITY_MARGIN_S : spec.timeoutS * VISIBILITY_TIMEOUTS;
      expect({ queue: queue.name, enough: queue.visibility_s >= needed }).toEqual({ queue: queue.name, enough: true });
    }
  });
});

describe.each(STAGES)('%s', stage => {
  test('every function is arm64 on the newest OS runtime, traced, with a log group and a role of its own', () => {
    const found = lambdas(stage);
    expect(found.map(each => each.FunctionName).sort()).toEqual(
      FUNCTIONS.map(spec => `${STACK[stage]}-${spec.name}`).sort(),
    );
    for (const spec of FUNCTIONS) {
      const made = found.find(each => each.FunctionName === `${STACK[stage]}-${spec.name}`);
      expect(made).toMatchObject({
        Architectures: ['arm64'],
        Runtime: 'provided.al2023',
        Handler: spec.name,
        MemorySize: spec.memoryMb,
        Timeout: spec.timeoutS,
        TracingConfig: { Mode: 'Active' },
      });
      expect(made.LoggingConfig.LogFormat).toBe('JSON');
      expect(made.VpcConfig).toBeUndefined();
    }
    for (const part of ['Role', 'LoggingConfig']) {
      expect(new Set(found.map(each => JSON.stringify(each[part]))).size).toBe(FUNCTIONS.length);
    }
  });

  test('all functions have the same environment, small enough and without a secret; the API knows its hosts', () => {
    const found = lambdas(stage);
    const environment = (made: Json) =>
      Object.keys(made.Environment.Variables).filter(key => key !== 'MARVAIN_API_HOSTS');
    const expected = environment(found[0]);
    expect(expected).toEqual(
      expect.arrayContaining([
        'MARVAIN_TABLE',
        'MARVAIN_QUEUES',
        'MARVAIN_DEAD_LETTERS',
        'MARVAIN_SQL_CLUSTER_ARN',
        'MARVAIN_SQL_SECRET_ARN',
        'MARVAIN_SQL_DATABASE',
        'MARVAIN_VAULT_BUCKET',
        'MARVAIN_VAULT_MODE',
        'MARVAIN_VAULT_RETENTION_DAYS',
        'MARVAIN_ARTIFACTS_BUCKET',
        'MARVAIN_LOG_KEY_ID',
        'MARVAIN_LOG_ORIGIN',
        'MARVAIN_IOT_ENDPOINT',
        'MARVAIN_TIME_ZONE',
        'MARVAIN_AGENT',
        'MARVAIN_TELEMETRY',
        'MARVAIN_PUSH_APPLICATIONS',
      ]),
    );
    for (const made of found) {
      expect(environment(made).sort()).toEqual([...expected].sort());
      const hosts = made.Environment.Variables.MARVAIN_API_HOSTS;
      expect(hosts === undefined).toBe(!made.FunctionName.endsWith('-api'));
      // References are longer than what they become, but for queues' URLs: 80 bytes each will do.
      const size = JSON.stringify(readable(made.Environment.Variables)).length + 80 * 2 * rendered().queues.length;
      expect(size).toBeLessThan(ENVIRONMENT_BYTES_MAX);
    }
    expect(expected.includes('MARVAIN_OPENAI_SECRET_ARN')).toBe(stage === 'prod');
    expect(expected.includes('MARVAIN_TIMESTREAM_TABLE')).toBe(stage === 'prod');
  });

  test('queues have the rendered visibility and tries, and dead letters of their own', () => {
    const queues = all(stage, 'compute', 'AWS::SQS::Queue');
    const named = (name: string) => queues.find(queue => queue.properties.QueueName === `${STACK[stage]}-${name}`)!;
    expect(queues).toHaveLength(2 * rendered().queues.length);
    for (const queue of rendered().queues) {
      const dead = named(`${queue.name}-dead`);
      expect(named(queue.name).properties).toMatchObject({
        VisibilityTimeout: queue.visibility_s,
        RedrivePolicy: { maxReceiveCount: queue.attempts_max, deadLetterTargetArn: { 'Fn::GetAtt': [dead.id, 'Arn'] } },
        SqsManagedSseEnabled: true,
      });
      expect(dead.properties.RedriveAllowPolicy.redrivePermission).toBe('byQueue');
      expect(readable(dead.properties.RedriveAllowPolicy.sourceQueueArns[0])).toMatch(
        new RegExp(`:${STACK[stage]}-${queue.name}$`),
      );
    }
  });

  test('every queue is mapped once to its function, with partial failures and a bound', () => {
    const mappings = all(stage, 'compute', 'AWS::Lambda::EventSourceMapping').map(({ properties }) => properties);
    const ofQueues = mappings.filter(mapping => mapping.StartingPosition === undefined);
    expect(ofQueues).toHaveLength(rendered().queues.length);
    for (const queue of rendered().queues) {
      const spec = worker(queue.name)!;
      const id = all(stage, 'compute', 'AWS::SQS::Queue').find(
        made => made.properties.QueueName === `${STACK[stage]}-${queue.name}`,
      )!.id;
      const mapping = ofQueues.find(made => made.EventSourceArn['Fn::GetAtt'][0] === id)!;
      expect(mapping).toMatchObject({
        BatchSize: spec.batch,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: spec.concurrencyMax },
      });
      // "Amazon SQS event source mapping parameters": 2 to 1,000, and batches over 10 need a window.
      expect(spec.concurrencyMax).toBeGreaterThanOrEqual(2);
      expect(spec.batch).toBeLessThanOrEqual(10);
      const made = lambdas(stage).find(each => each.id === mapping.FunctionName.Ref);
      expect(made.FunctionName).toBe(`${STACK[stage]}-${spec.name}`);
    }
  });

  test('audit rows alone wake the one writer, and so does the minute', () => {
    const [stream] = all(stage, 'compute', 'AWS::Lambda::EventSourceMapping').filter(
      ({ properties }) => properties.StartingPosition,
    );
    expect(JSON.parse(stream!.properties.FilterCriteria.Filters[0].Pattern)).toEqual({
      eventName: ['INSERT'],
      dynamodb: { Keys: { pk: { S: [rendered().table.audit_partition] } } },
    });
    const audit = lambdas(stage).find(each => each.FunctionName.endsWith('-audit'));
    expect(stream!.properties.FunctionName.Ref).toBe(audit.id);
    expect(audit.ReservedConcurrentExecutions).toBe(1);
    expect(lambdas(stage).filter(each => each.ReservedConcurrentExecutions !== undefined)).toHaveLength(1);
    const schedules = all(stage, 'compute', 'AWS::Scheduler::Schedule').map(({ properties }) => properties);
    expect(schedules.map(schedule => schedule.Name).sort()).toEqual(
      ['audit', 'tick'].map(bin => `${STACK[stage]}-${bin}`),
    );
    for (const schedule of schedules) {
      expect(schedule).toMatchObject({
        ScheduleExpression: 'rate(1 minute)',
        FlexibleTimeWindow: { Mode: 'OFF' },
        Target: { RetryPolicy: { MaximumRetryAttempts: 0 } },
      });
    }
  });
});
