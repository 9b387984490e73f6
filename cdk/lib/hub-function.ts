/**
 * One function of the hub: its role, its log group, its code. What wakes it is its stack's affair.
 */
import {
  Annotations,
  ArnFormat,
  aws_iam as iam,
  aws_lambda as lambda,
  aws_logs as logs,
  Duration,
  RemovalPolicy,
  Stack,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FunctionSpec } from './functions';
import { acknowledge, type Resources, statements } from './grants';
import { type Names, pascal } from './names';
import { ROOT } from './rendered';
import type { Settings } from './settings';

/** What all functions have in common. */
export interface HubFunctionProps {
  readonly spec: FunctionSpec;
  readonly settings: Settings;
  readonly names: Names;
  readonly resources: Resources;
  readonly environment: Readonly<Record<string, string>>;
  readonly reservedConcurrency?: number;
}

/** Where `scripts/package` puts the program. */
const PROGRAM = join(ROOT, 'target', 'lambdas.zip');
const PLACEHOLDER = join(ROOT, 'cdk', 'placeholder');

/** A function, with a role of its own that can do what its row of the table says and no more. */
export class HubFunction extends Construct {
  readonly function: lambda.Function;
  readonly role: iam.Role;

  constructor(scope: Construct, props: HubFunctionProps) {
    const { spec, settings, names } = props;
    super(scope, pascal(spec.name));
    const logGroup = new logs.LogGroup(this, 'Logs', {
      logGroupName: names.functionLogs(spec.name),
      retention: settings.logDays as logs.RetentionDays,
      removalPolicy: settings.stage === 'prod' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    // By name, not by reference: the group's own ARN ends in `:*`.
    const logsArn = Stack.of(this).formatArn({
      service: 'logs',
      resource: 'log-group',
      resourceName: names.functionLogs(spec.name),
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const allowed = statements(spec, props.resources, logsArn);
    this.role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: `marvain: ${spec.about}`,
      inlinePolicies: { use: new iam.PolicyDocument({ statements: allowed }) },
    });
    acknowledge(this.role, allowed);
    const code = this.code(settings);
    this.function = new lambda.Function(this, 'Function', {
      functionName: names.function(spec.name),
      description: code.built ? spec.about : `PLACEHOLDER, not built: ${spec.about}`,
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture: lambda.Architecture.ARM_64,
      handler: spec.name,
      code: code.asset,
      memorySize: spec.memoryMb,
      timeout: Duration.seconds(spec.timeoutS),
      // Without its policy: the table grants it.
      role: this.role.withoutPolicyUpdates(),
      environment: { ...props.environment },
      tracing: lambda.Tracing.ACTIVE,
      loggingFormat: lambda.LoggingFormat.JSON,
      logGroup,
      reservedConcurrentExecutions: props.reservedConcurrency,
    });
  }

  /**
   * The zip of the one program that is every function, each by its handler; where it is not built, a program that only says
   * so, for a synthesis without a Rust toolchain.
   */
  private code(settings: Settings): { readonly asset: lambda.Code; readonly built: boolean } {
    const zip = settings.program ?? PROGRAM;
    if (existsSync(zip)) return { asset: lambda.Code.fromAsset(zip), built: true };
    const missing = `${zip} is not there: run scripts/package before deploying`;
    if (settings.requireProgram) throw new Error(missing);
    Annotations.of(this).addWarningV2('marvain:placeholder', `PLACEHOLDER: ${missing}`);
    return { asset: lambda.Code.fromAsset(PLACEHOLDER), built: false };
  }
}
