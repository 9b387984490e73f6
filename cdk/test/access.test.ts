/** Who gets in: people by Cognito, requests by the API. */
import { all, type Json, one, readable, STACK, STAGES } from './support';

describe.each(STAGES)('%s', stage => {
  test('people are invited, sign in with a passkey, and have no SMS to intercept', () => {
    const pool = one(stage, 'people', 'AWS::Cognito::UserPool');
    expect(pool).toMatchObject({
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
      UserPoolTier: 'ESSENTIALS',
      Policies: { SignInPolicy: { AllowedFirstAuthFactors: expect.arrayContaining(['WEB_AUTHN']) as string[] } },
      WebAuthnUserVerification: 'required',
      EnabledMfas: ['SOFTWARE_TOKEN_MFA'],
    });
    expect(pool.Policies.PasswordPolicy.MinimumLength).toBe(16);
    expect(pool.SmsConfiguration).toBeUndefined();
    expect(pool.DeletionProtection).toBe(stage === 'prod' ? 'ACTIVE' : 'INACTIVE');
  });

  test('the one client is public: no secret, the code flow alone, short tokens that can be revoked', () => {
    const client = one(stage, 'people', 'AWS::Cognito::UserPoolClient');
    expect(client).toMatchObject({
      GenerateSecret: false,
      AllowedOAuthFlows: ['code'],
      EnableTokenRevocation: true,
      PreventUserExistenceErrors: 'ENABLED',
      AccessTokenValidity: 30,
      IdTokenValidity: 30,
    });
    expect(client.ExplicitAuthFlows).toEqual(expect.arrayContaining(['ALLOW_USER_AUTH']));
    for (const flow of ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_ADMIN_USER_PASSWORD_AUTH', 'ALLOW_CUSTOM_AUTH']) {
      expect(client.ExplicitAuthFlows).not.toContain(flow);
    }
    const domain = readable(one(stage, 'people', 'AWS::Cognito::UserPoolDomain').Domain);
    expect(domain).toBe(`${STACK[stage]}-<AWS::AccountId>`);
  });

  test('everything but health needs a token of the pool', () => {
    const routes = all(stage, 'api', 'AWS::ApiGatewayV2::Route').map(({ properties }) => properties);
    const open = (route: Json) => route.AuthorizationType === 'NONE';
    expect(routes.filter(open).map((route: Json) => route.RouteKey)).toEqual(['GET /v1/health']);
    const authorizer = all(stage, 'api', 'AWS::ApiGatewayV2::Authorizer')[0]!;
    for (const route of routes.filter(route => !open(route))) {
      expect(route).toMatchObject({ AuthorizationType: 'JWT', AuthorizerId: { Ref: authorizer.id } });
    }
    expect(routes.map((route: Json) => route.RouteKey)).toContain('$default');
    const { JwtConfiguration } = authorizer.properties;
    expect(readable(JwtConfiguration.Audience[0])).toMatch(/UserPoolClient|PeopleApp/);
    expect(readable(JwtConfiguration.Issuer)).toMatch(/^https:\/\/cognito-idp\.<AWS::Region>\./);
    expect(one(stage, 'api', 'AWS::ApiGatewayV2::Integration').PayloadFormatVersion).toBe('2.0');
  });

  test('the stage is throttled, and logs who asked for what without paths, queries or tokens', () => {
    const made = one(stage, 'api', 'AWS::ApiGatewayV2::Stage');
    expect(made.StageName).toBe('$default');
    expect(made.DefaultRouteSettings).toMatchObject({ ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 });
    const fields = Object.values(JSON.parse(made.AccessLogSettings.Format));
    expect(fields).toContain('$context.requestId');
    for (const field of fields) {
      expect(field).not.toMatch(/path|query|authorizer\.claims|header/i);
    }
    expect(one(stage, 'api', 'AWS::ApiGatewayV2::Api').CorsConfiguration).toBeUndefined();
  });
});
