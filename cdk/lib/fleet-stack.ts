/**
 * What satellites see of AWS IoT Core: policies, fleet provisioning, rules. All words that satellites and the broker
 * exchange come from `topics/rendered`; names in it (policies, template, rules) are unique in an account and region, so
 * there is one fleet in each.
 */
import {
  aws_iam as iam,
  aws_iot as iot,
  aws_lambda as lambda,
  aws_sqs as sqs,
  CfnOutput,
  Duration,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type ComputeStack, DEAD_LETTER_DAYS } from './compute-stack';
import { CLAIM_POLICY_NAME } from './fleet-names';
import { acknowledge } from './grants';
import { type Names, pascal } from './names';
import { type Rendered, type Rule, satellitePolicyName, templateName } from './rendered';
import type { Settings } from './settings';

const HOOK_BIN = 'provisioning-hook';
/** The one version of a hook's payload that there is ("Pre-provisioning hooks"). */
const HOOK_PAYLOAD_VERSION = '2020-04-01';
/** TLS 1.3, and 1.2 for devices that lack it ("Configuring TLS settings in domain configurations"). */
const TLS_POLICY = 'IoTSecurityPolicy_TLS13_1_2_2022_10';
/** What the fleet index holds; it is a setting of account and region, and CloudFormation has no resource for it. */
const FLEET_INDEXING = {
  thingIndexingMode: 'REGISTRY_AND_SHADOW',
  thingConnectivityIndexingMode: 'STATUS',
  namedShadowIndexingMode: 'ON',
  filter: { namedShadowNames: ['presence'] },
};

export interface FleetStackProps {
  readonly settings: Settings;
  readonly rendered: Rendered;
  readonly names: Names;
  readonly compute: ComputeStack;
}

/** Stack NAME-fleet. */
export class FleetStack extends Stack {
  private readonly errorQueues = new Map<string, sqs.Queue>();

  constructor(
    scope: Construct,
    private readonly props: FleetStackProps,
  ) {
    const { settings, rendered, names } = props;
    super(scope, names.part('fleet'), {
      stackName: names.part('fleet'),
      description: `marvain ${settings.stage}: IoT policies, fleet provisioning, rules; one in an account and region`,
    });
    const policies = [
      this.policy('ClaimPolicy', CLAIM_POLICY_NAME, rendered.claimPolicy),
      this.policy('SatellitePolicy', satellitePolicyName(rendered), rendered.satellitePolicy),
    ];
    this.provisioning(policies);
    for (const rule of rendered.rules) this.rule(rule);
    this.domain();
    new CfnOutput(this, 'FleetIndexing', {
      value: this.toJsonString(FLEET_INDEXING),
      description: 'Once in an account and region: marvain deploy sets it, by UpdateIndexingConfiguration',
    });
    new CfnOutput(this, 'ProvisioningTemplate', { value: templateName(), description: 'What a claim provisions by' });
  }

  private policy(id: string, policyName: string, policyDocument: object): iot.CfnPolicy {
    return new iot.CfnPolicy(this, id, { policyName, policyDocument });
  }

  private provisioning(policies: readonly iot.CfnPolicy[]): void {
    const { rendered, compute } = this.props;
    const hook = compute.functions.get(HOOK_BIN);
    if (!hook) throw new Error(`there is no function \`${HOOK_BIN}\``);
    const name = templateName();
    const permission = new lambda.CfnPermission(this, 'HookPermission', {
      action: 'lambda:InvokeFunction',
      functionName: hook.functionArn,
      principal: 'iot.amazonaws.com',
      sourceAccount: this.account,
      sourceArn: this.formatArn({ service: 'iot', resource: 'provisioningtemplate', resourceName: name }),
    });
    const statements = this.provisioningStatements();
    const role = new iam.Role(this, 'ProvisioningRole', {
      assumedBy: new iam.ServicePrincipal('iot.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
      description: 'marvain: makes a thing of a device that the hook has let in',
      inlinePolicies: { provision: new iam.PolicyDocument({ statements }) },
    });
    acknowledge(role, statements);
    const template = new iot.CfnProvisioningTemplate(this, 'Template', {
      templateName: name,
      templateBody: rendered.provisioningTemplate,
      templateType: 'FLEET_PROVISIONING',
      description: 'marvain: a device with a claim and a one-time code becomes a satellite',
      enabled: true,
      provisioningRoleArn: role.roleArn,
      preProvisioningHook: { payloadVersion: HOOK_PAYLOAD_VERSION, targetArn: hook.functionArn },
    });
    for (const first of [permission, ...policies]) template.addResourceDependency(first);
  }

  /** What the template's three resources need; AWS's managed policy for it would also let it change groups and policies. */
  private provisioningStatements(): iam.PolicyStatement[] {
    const arn = (resource: string, resourceName: string) => this.formatArn({ service: 'iot', resource, resourceName });
    return [
      new iam.PolicyStatement({
        actions: ['iot:CreateThing', 'iot:DescribeThing', 'iot:ListThingPrincipals', 'iot:UpdateThing'],
        resources: [arn('thing', '*')],
      }),
      new iam.PolicyStatement({
        actions: [
          'iot:AttachPolicy',
          'iot:AttachPrincipalPolicy',
          'iot:AttachThingPrincipal',
          'iot:DescribeCertificate',
          'iot:DetachThingPrincipal',
          'iot:UpdateCertificate',
        ],
        resources: [arn('cert', '*')],
      }),
      new iam.PolicyStatement({
        actions: ['iot:GetPolicy'],
        resources: [arn('policy', satellitePolicyName(this.props.rendered))],
      }),
    ];
  }

  private rule(rule: Rule): void {
    const queue = this.props.compute.queues.get(rule.queue);
    if (!queue) throw new Error(`rule \`${rule.name}\` goes to \`${rule.queue}\`, which topics does not render`);
    const errors = this.errors(rule.error_queue);
    const id = pascal(rule.name);
    const role = new iam.Role(this, `${id}Role`, {
      assumedBy: new iam.ServicePrincipal('iot.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
      description: `marvain: hands over ${rule.about}`,
      inlinePolicies: {
        send: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn, errors.queueArn] }),
          ],
        }),
      },
    });
    const to = (target: sqs.Queue) => ({
      sqs: { queueUrl: target.queueUrl, roleArn: role.roleArn, useBase64: false },
    });
    new iot.CfnTopicRule(this, id, {
      ruleName: rule.name,
      topicRulePayload: {
        description: rule.about,
        sql: rule.sql,
        awsIotSqlVersion: rule.sql_version,
        ruleDisabled: false,
        actions: [to(queue)],
        errorAction: to(errors),
      },
    });
  }

  /** The queue of what rules could not hand over. A person empties it: it has no function and no dead letters. */
  private errors(name: string): sqs.Queue {
    const known = this.errorQueues.get(name);
    if (known) return known;
    const queue = new sqs.Queue(this, pascal(name), {
      queueName: this.props.names.queue(name),
      retentionPeriod: Duration.days(DEAD_LETTER_DAYS),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });
    Validations.of(queue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is itself where letters end: what a rule could not hand over waits here for a person, with an alarm.',
    });
    this.errorQueues.set(name, queue);
    new CfnOutput(this, `${pascal(name)}Url`, { value: queue.queueUrl, description: 'What rules could not hand over' });
    return queue;
  }

  /**
   * An endpoint whose TLS policy is ours to say: an AWS managed domain, or one's own. The account's default endpoint works
   * beside it; its policy is set with `aws iot update-domain-configuration --domain-configuration-name iot:Data-ATS`.
   */
  private domain(): void {
    const { settings, names } = this.props;
    const own = settings.iotDomain;
    const made = new iot.CfnDomainConfiguration(this, 'Domain', {
      domainConfigurationName: names.stack,
      serviceType: 'DATA',
      domainConfigurationStatus: 'ENABLED',
      tlsConfig: { securityPolicy: TLS_POLICY },
      ...(own && { domainName: own.name, serverCertificateArns: [own.certificateArn] }),
    });
    new CfnOutput(this, 'IotDomainConfiguration', {
      value: made.ref,
      description: own
        ? `Satellites can connect to ${own.name}`
        : 'Its host: `aws iot describe-domain-configuration --domain-configuration-name VALUE --query domainName`',
    });
  }
}
