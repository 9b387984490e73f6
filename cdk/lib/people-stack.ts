/**
 * People: a Cognito user pool where one signs in with a passkey. Who somebody is to the hub (role, consent) is the hub's
 * to say; the pool only says that it is the same person as before.
 *
 * Threats: nobody signs up by themselves, so a stolen link or a guessed client id opens nothing. The one client is public
 * and has no secret to steal; it takes the authorization code flow alone, with PKCE. A password exists only to register
 * the first passkey and to recover: it is long, temporary when an administrator sets it, and Cognito locks out who guesses.
 * Errors do not tell whether a name exists. Tokens are short, and refresh tokens can be revoked.
 */
import { aws_cognito as cognito, CfnOutput, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Names } from './names';
import type { Settings } from './settings';

const PASSWORD_CHARACTERS_MIN = 16;
/** How long an access token, and with it a lost phone, is good for. */
const ACCESS_TOKEN = Duration.minutes(30);
const REFRESH_TOKEN = { dev: Duration.days(1), prod: Duration.days(30) } as const;
const INVITATION = Duration.days(3);
/** Managed login: the pages that know passkeys; 1 would be the classic hosted UI. */
const MANAGED_LOGIN = 2;

export interface PeopleStackProps {
  readonly settings: Settings;
  readonly names: Names;
}

/** Stack NAME-people. */
export class PeopleStack extends Stack {
  readonly pool: cognito.UserPool;
  readonly client: cognito.UserPoolClient;

  constructor(scope: Construct, { settings, names }: PeopleStackProps) {
    super(scope, names.part('people'), {
      stackName: names.part('people'),
      description: `marvain ${settings.stage}: people sign in`,
    });
    const prod = settings.stage === 'prod';
    this.pool = new cognito.UserPool(this, 'People', {
      userPoolName: settings.stack,
      featurePlan: cognito.FeaturePlan.ESSENTIALS,
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      signInCaseSensitive: false,
      autoVerify: { email: true },
      accountRecovery: cognito.AccountRecovery.EMAIL_ONLY,
      // Cognito insists on the password beside the passkey ("Sign-in policy").
      signInPolicy: { allowedFirstAuthFactors: { password: true, passkey: true } },
      passkeyUserVerification: cognito.PasskeyUserVerification.REQUIRED,
      mfa: cognito.Mfa.OPTIONAL,
      mfaSecondFactor: { otp: true, sms: false },
      passwordPolicy: {
        minLength: PASSWORD_CHARACTERS_MIN,
        requireDigits: true,
        requireLowercase: true,
        requireUppercase: true,
        requireSymbols: true,
        tempPasswordValidity: INVITATION,
      },
      deletionProtection: prod,
      removalPolicy: prod ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.client = this.pool.addClient('App', {
      userPoolClientName: settings.stack,
      generateSecret: false,
      authFlows: { user: true, userSrp: true },
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL, cognito.OAuthScope.PROFILE],
        callbackUrls: [...settings.callbackUrls],
        logoutUrls: [...settings.callbackUrls],
      },
      supportedIdentityProviders: [cognito.UserPoolClientIdentityProvider.COGNITO],
      accessTokenValidity: ACCESS_TOKEN,
      idTokenValidity: ACCESS_TOKEN,
      refreshTokenValidity: REFRESH_TOKEN[settings.stage],
      enableTokenRevocation: true,
      preventUserExistenceErrors: true,
    });
    const domain = new cognito.CfnUserPoolDomain(this, 'Login', {
      userPoolId: this.pool.userPoolId,
      // Unique among all of AWS in a region, hence the account.
      domain: `${settings.stack}-${this.account}`,
      managedLoginVersion: MANAGED_LOGIN,
    });
    const branding = new cognito.CfnManagedLoginBranding(this, 'LoginStyle', {
      userPoolId: this.pool.userPoolId,
      clientId: this.client.userPoolClientId,
      useCognitoProvidedValues: true,
    });
    branding.addResourceDependency(domain);
    Validations.of(this.pool).acknowledge(
      {
        id: 'AwsSolutions-COG2',
        reason:
          'A passkey with user verification is two factors in one gesture; Cognito takes no passkey as the first factor ' +
          'where a second is required. Who keeps to a password can add a one-time code.',
      },
      {
        id: 'AwsSolutions-COG3',
        reason:
          'Threat protection is in the Plus plan, at a price for each person a month. There is no sign-up to attack, and ' +
          'a passkey cannot be stuffed or sprayed.',
      },
      {
        id: 'AwsSolutions-COG8',
        reason: 'The Essentials plan has passkeys and choice-based sign-in; Plus adds threat protection, see COG3.',
      },
    );
    new CfnOutput(this, 'UserPoolId', { value: this.pool.userPoolId, description: 'People' });
    new CfnOutput(this, 'UserPoolClientId', { value: this.client.userPoolClientId, description: 'The app, public' });
    new CfnOutput(this, 'LoginUrl', {
      value: `https://${domain.ref}.auth.${this.region}.amazoncognito.com`,
      description: 'Where people sign in',
    });
  }
}
