/** What each role may do: the whole list, beside the test, and no `*` that nobody has argued. */
import { argument, readable as resourceName } from '../lib/grants';
import { all, type Part, PARTS, STAGES } from './support';

interface Allowed {
  readonly actions: string[];
  readonly resources: string[];
  readonly effect: string;
  readonly condition: unknown;
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

function roles(stage: (typeof STAGES)[number], part: Part): Record<string, Allowed[]> {
  const found = all(stage, part, 'AWS::IAM::Role').map(({ id, properties }) => {
    expect(properties.ManagedPolicyArns ?? []).toEqual([]);
    const allowed = (properties.Policies ?? [])
      .flatMap((policy: never) => (policy as { PolicyDocument: { Statement: never[] } }).PolicyDocument.Statement)
      .map((statement: Record<string, unknown>) => ({
        actions: list(statement.Action).map(String).sort(),
        resources: list(statement.Resource).map(resourceName).sort(),
        effect: String(statement.Effect),
        condition: statement.Condition,
      }));
    return [id.replace(/[0-9A-F]{8}$/, ''), allowed] as const;
  });
  return Object.fromEntries(found);
}

describe.each(STAGES)('%s', stage => {
  test('every role is as the table beside this test has it', () => {
    for (const part of PARTS) {
      const lines = Object.entries(roles(stage, part)).flatMap(([role, statements]) => [
        role,
        ...statements.flatMap(({ actions, resources }) =>
          resources.map(resource => `  ${resource}: ${actions.join(' ')}`),
        ),
      ]);
      if (lines.length > 0) expect(lines.join('\n')).toMatchSnapshot(part);
    }
  });

  test('no role has an action with a `*`, nor a resource with one that is not argued', () => {
    let argued = 0;
    for (const part of PARTS) {
      for (const [role, statements] of Object.entries(roles(stage, part))) {
        expect(statements.length).toBeGreaterThan(0);
        for (const { actions, resources, effect, condition } of statements) {
          expect({ role, effect, condition }).toEqual({ role, effect: 'Allow', condition: undefined });
          for (const action of actions) expect(`${role} ${action}`).not.toContain('*');
          for (const resource of resources.filter(resource => resource.includes('*'))) {
            const unargued = actions.filter(action => !argument(action, resource));
            expect({ role, resource, unargued }).toEqual({ role, resource, unargued: [] });
            argued += 1;
          }
        }
      }
    }
    expect(argued).toBeGreaterThan(0);
  });

  test('policies are on roles alone, and no role may change IAM, take another role, or decrypt', () => {
    for (const part of PARTS) {
      expect(all(stage, part, 'AWS::IAM::Policy')).toEqual([]);
      expect(all(stage, part, 'AWS::IAM::ManagedPolicy')).toEqual([]);
      for (const statements of Object.values(roles(stage, part))) {
        const actions = statements.flatMap(statement => statement.actions);
        expect(actions.filter(action => /^(iam|sts|organizations):|^kms:(Decrypt|Put)|Bypass/.test(action))).toEqual(
          [],
        );
      }
    }
  });

  test('only the one writer signs and writes the audit log', () => {
    const may = (action: string) =>
      PARTS.flatMap(part =>
        Object.entries(roles(stage, part))
          .filter(([, statements]) => statements.some(({ actions }) => actions.includes(action)))
          .map(([role]) => role),
      );
    expect(may('kms:Sign')).toEqual(['AuditRole']);
    expect(may('s3:PutObjectRetention')).toEqual(['AuditRole']);
    expect(may('iot:CreateKeysAndCertificate')).toEqual(['ApiRole']);
  });
});

test('an argument holds for its actions and its resource only', () => {
  expect(argument('xray:PutTraceSegments', '*')).toBeDefined();
  expect(argument('dynamodb:PutItem', '*')).toBeUndefined();
  expect(argument('s3:PutObject', 'marvain-dev-data-vault-arn/*')).toBeDefined();
  expect(argument('s3:PutObject', 'arn:aws:s3:::*')).toBeUndefined();
  expect(argument('iot:CreateThing', '*')).toBeUndefined();
});
