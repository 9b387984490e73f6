/**
 * The hub's JSON API: an HTTP API before one function. Everything but health needs a token of the user pool. Security
 * headers and what a person may do are the program's.
 */
import {
  aws_apigateway as rest,
  aws_apigatewayv2 as api,
  aws_apigatewayv2_authorizers as authorizers,
  aws_apigatewayv2_integrations as integrations,
  aws_logs as logs,
  CfnOutput,
  RemovalPolicy,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { API, type ComputeStack } from './compute-stack';
import type { DataStack } from './data-stack';
import { FUNCTIONS } from './functions';
import { HubFunction } from './hub-function';
import type { Names } from './names';
import type { PeopleStack } from './people-stack';
import type { Rendered } from './rendered';
import { environment, resources } from './resources';
import type { Settings } from './settings';

/** Requests a second, and at once, of everybody together: a household, and a bill that cannot run away. */
const THROTTLE = { rateLimit: 50, burstLimit: 100 };
/** The one path without a token. */
const HEALTH = '/v1/health';

export interface ApiStackProps {
  readonly settings: Settings;
  readonly rendered: Rendered;
  readonly names: Names;
  readonly data: DataStack;
  readonly people: PeopleStack;
  readonly compute: ComputeStack;
}

/** Stack NAME-api. */
export class ApiStack extends Stack {
  readonly apiId: string;

  constructor(scope: Construct, { settings, rendered, names, data, people, compute }: ApiStackProps) {
    super(scope, names.part('api'), {
      stackName: names.part('api'),
      description: `marvain ${settings.stage}: JSON API`,
    });
    const spec = FUNCTIONS.find(spec => spec.name === API);
    if (!spec) throw new Error(`there is no function \`${API}\``);
    const http = new api.HttpApi(this, 'Http', {
      apiName: settings.stack,
      description: 'marvain: the JSON API of the hub',
      createDefaultStage: false,
    });
    this.apiId = http.apiId;
    const host = `${http.apiId}.execute-api.${this.region}.${this.urlSuffix}`;
    const { function: handler } = new HubFunction(this, {
      spec,
      settings,
      names,
      resources: resources(data.shared, rendered, names, settings),
      environment: {
        ...environment(this, data.shared, settings, compute.urls, compute.iotEndpoint),
        MARVAIN_API_HOSTS: host,
      },
    });
    const integration = new integrations.HttpLambdaIntegration('Hub', handler, {
      payloadFormatVersion: api.PayloadFormatVersion.VERSION_2_0,
    });
    const issuer = `https://cognito-idp.${this.region}.${this.urlSuffix}/${people.pool.userPoolId}`;
    const authorizer = new authorizers.HttpJwtAuthorizer('People', issuer, {
      jwtAudience: [people.client.userPoolClientId],
    });
    new api.HttpRoute(this, 'Everything', {
      httpApi: http,
      routeKey: api.HttpRouteKey.DEFAULT,
      integration,
      authorizer,
    });
    const health = new api.HttpRoute(this, 'Health', {
      httpApi: http,
      routeKey: api.HttpRouteKey.with(HEALTH, api.HttpMethod.GET),
      integration,
      authorizer: new api.HttpNoneAuthorizer(),
    });
    Validations.of(health).acknowledge({
      id: 'AwsSolutions-APIG4',
      reason: 'Health says that the hub lives, and nothing of anybody; who watches it has no token.',
    });
    new api.HttpStage(this, 'Stage', {
      httpApi: http,
      stageName: '$default',
      autoDeploy: true,
      throttle: THROTTLE,
      detailedMetricsEnabled: true,
      accessLogSettings: {
        destination: new api.LogGroupLogDestination(this.accessLogs(settings, names)),
        format: FORMAT,
      },
    });
    new CfnOutput(this, 'ApiUrl', { value: `https://${host}`, description: 'The JSON API' });
  }

  private accessLogs(settings: Settings, names: Names): logs.LogGroup {
    return new logs.LogGroup(this, 'AccessLogs', {
      logGroupName: names.apiLogs(),
      retention: settings.logDays as logs.RetentionDays,
      removalPolicy: settings.stage === 'prod' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }
}

/** Who asked for which route, and what came of it; no path, for ids are in it, no query and no token. */
const FIELDS = {
  requestId: '$context.requestId',
  ip: '$context.identity.sourceIp',
  requestTime: '$context.requestTime',
  routeKey: '$context.routeKey',
  status: '$context.status',
  protocol: '$context.protocol',
  responseLength: '$context.responseLength',
  latency: '$context.responseLatency',
  error: '$context.error.message',
  authorizer: '$context.authorizer.error',
  trace: '$context.integration.requestId',
};
const FORMAT = rest.AccessLogFormat.custom(JSON.stringify(FIELDS));
