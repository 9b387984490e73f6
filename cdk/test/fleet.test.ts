/** What cfn-lint does not look into: IoT SQL, IoT policies, the provisioning template; and AWS's limits on them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLAIM_POLICY_NAME } from '../lib/fleet-names';
import { rendered, ROOT, text } from '../lib/rendered';
import { all, type Json, one, readable, STACK, STAGES, template } from './support';

/** "CreatePolicy": white space not counted. */
const POLICY_BYTES_MAX = 2048;
/** "CreateProvisioningTemplate". */
const TEMPLATE_BYTES_MAX = 10_240;
/** "AWS IoT Core rules engine limits": actions in a rule. */
const ACTIONS_MAX = 10;

const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

describe.each(STAGES)('%s', stage => {
  const rules = () => all(stage, 'fleet', 'AWS::IoT::TopicRule').map(({ properties }) => properties);

  test('rules are the rendered ones: statement, version, queue, error queue', () => {
    const found = rules().map((rule: Json) => ({
      name: rule.RuleName,
      about: rule.TopicRulePayload.Description,
      sql: rule.TopicRulePayload.Sql,
      sql_version: rule.TopicRulePayload.AwsIotSqlVersion,
    }));
    const expected = rendered().rules.map(({ name, about, sql, sql_version }) => ({ name, about, sql, sql_version }));
    expect(found).toEqual(expected);
    for (const rule of rendered().rules) expect(text('rules')).toContain(JSON.stringify(rule.sql));
  });

  test('each rule hands over to its one queue as text, and its failures to the error queue, with its own role', () => {
    const outputs = template(stage, 'compute').Outputs!;
    const exported = (name: string) =>
      readable(Object.values(outputs).find((output: Json) => output.Export?.Name === name).Value);
    for (const rule of rules()) {
      const { Actions, ErrorAction, RuleDisabled } = rule.TopicRulePayload;
      expect(RuleDisabled).toBe(false);
      expect(Actions.length).toBeLessThanOrEqual(ACTIONS_MAX);
      const [{ Sqs }] = Actions;
      const queue = rendered().rules.find(row => row.name === rule.RuleName)!.queue;
      expect(exported(Sqs.QueueUrl['Fn::ImportValue'])).toMatch(new RegExp(`^<${queue}Queue`, 'i'));
      expect(readable(ErrorAction.Sqs.QueueUrl)).toMatch(/^<RuleErrors/);
      expect(Sqs.RoleArn).toEqual(ErrorAction.Sqs.RoleArn);
      expect([Sqs.UseBase64, ErrorAction.Sqs.UseBase64]).toEqual([false, false]);
      expect(rule.RuleName).toMatch(/^[A-Za-z0-9_]{1,128}$/);
    }
    expect(one(stage, 'fleet', 'AWS::SQS::Queue').QueueName).toBe(`${STACK[stage]}-rule-errors`);
  });

  test('policies are the rendered documents, byte for byte, and within the limit', () => {
    const policies = all(stage, 'fleet', 'AWS::IoT::Policy').map(({ properties }) => properties);
    const documents = Object.fromEntries(policies.map((policy: Json) => [policy.PolicyName, policy.PolicyDocument]));
    expect(Object.keys(documents).sort()).toEqual(['marvain-claim', 'marvain-satellite']);
    const minified = (file: 'claimPolicy' | 'satellitePolicy') => JSON.stringify(JSON.parse(text(file)));
    expect(JSON.stringify(documents['marvain-claim'])).toBe(minified('claimPolicy'));
    expect(JSON.stringify(documents['marvain-satellite'])).toBe(minified('satellitePolicy'));
    for (const document of Object.values(documents)) {
      expect(bytes(document)).toBeLessThanOrEqual(POLICY_BYTES_MAX);
      for (const statement of (document as Json).Statement) {
        expect(['iot:Connect', 'iot:Publish', 'iot:Subscribe', 'iot:Receive']).toContain(statement.Action);
        expect(statement.Resource).not.toContain('*');
      }
    }
  });

  test('the provisioning template is the rendered text, parses, and asks the hook', () => {
    const made = one(stage, 'fleet', 'AWS::IoT::ProvisioningTemplate');
    expect(made.TemplateBody).toBe(text('provisioningTemplate'));
    expect(Buffer.byteLength(made.TemplateBody)).toBeLessThanOrEqual(TEMPLATE_BYTES_MAX);
    const body = JSON.parse(made.TemplateBody);
    const types = Object.values(body.Resources).map((resource: Json) => resource.Type);
    expect(types.sort()).toEqual(['AWS::IoT::Certificate', 'AWS::IoT::Policy', 'AWS::IoT::Thing']);
    const refs = [...made.TemplateBody.matchAll(/"Ref":\s*"([^"]+)"/g)].map(match => match[1]);
    for (const ref of refs) expect(Object.keys(body.Parameters)).toContain(ref);
    const names = all(stage, 'fleet', 'AWS::IoT::Policy').map(({ properties }) => properties.PolicyName);
    expect(names).toContain(body.Resources.policy.Properties.PolicyName);
    expect(made).toMatchObject({
      Enabled: true,
      TemplateType: 'FLEET_PROVISIONING',
      TemplateName: 'marvain-satellite',
    });
    expect(made.TemplateName).toMatch(/^[0-9A-Za-z_-]{1,36}$/);
    expect(made.PreProvisioningHook.PayloadVersion).toBe('2020-04-01');
    expect(readable(made.PreProvisioningHook.TargetArn)).toMatch(/ProvisioningHookFunction/);
  });

  test('only that template may call the hook', () => {
    const permission = readable(one(stage, 'fleet', 'AWS::Lambda::Permission'));
    expect(permission).toMatchObject({
      Principal: 'iot.amazonaws.com',
      SourceAccount: '<AWS::AccountId>',
      SourceArn: 'arn:<AWS::Partition>:iot:<AWS::Region>:<AWS::AccountId>:provisioningtemplate/marvain-satellite',
    });
    const { DependsOn } = Object.values(template(stage, 'fleet').Resources).find(
      resource => resource.Type === 'AWS::IoT::ProvisioningTemplate',
    );
    expect(DependsOn).toEqual(expect.arrayContaining(['HookPermission', 'ClaimPolicy', 'SatellitePolicy']));
  });

  test('the endpoint takes TLS 1.2 and 1.3 alone', () => {
    const domain = one(stage, 'fleet', 'AWS::IoT::DomainConfiguration');
    expect(domain.TlsConfig.SecurityPolicy).toBe('IoTSecurityPolicy_TLS13_1_2_2022_10');
    expect(domain.DomainName).toBe(stage === 'prod' ? 'iot.example.com' : undefined);
    expect(domain.DomainConfigurationName).toMatch(/^[\w.:-]{1,128}$/);
  });
});

test('the one name that is not rendered is the one that `topics` has', () => {
  const table = readFileSync(join(ROOT, 'topics/src/table.rs'), 'utf8');
  expect(table).toContain(`pub const POLICY_CLAIM: &str = "${CLAIM_POLICY_NAME}";`);
});
