/** The app as a whole: the templates themselves, AWS's limits on them, and the rules of this folder. */
import { App } from 'aws-cdk-lib';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../lib/app';
import { settings } from '../lib/settings';
import {
  CDK,
  type Json,
  type Part,
  PARTS,
  readable,
  STACK,
  type Stage,
  STAGES,
  synthesised,
  template,
} from './support';

/** "CloudFormation quotas": bytes in a template in S3, resources, outputs, bytes in a description. */
const LIMITS = { bytes: 1_000_000, resources: 500, outputs: 200, descriptionBytes: 1024 };
/** Longest source file here, in lines. */
const FILE_LINES_MAX = 300;

/** What matters of a resource: without paths and tags, hashes of assets and what all functions have alike. */
function normal(resource: Json): Json {
  const { Properties, ...rest } = resource;
  delete rest.Metadata;
  const properties = { ...Properties };
  delete properties.Tags;
  if (resource.Type === 'AWS::Lambda::Function') {
    delete properties.Environment;
    properties.Code = 'ASSET';
  }
  if (resource.Type === 'AWS::IAM::Role') delete properties.Policies;
  return readable({ ...rest, Properties: properties });
}

/** A template in which only what matters is left, and the names are those of production. */
function normalised(stage: Stage, part: Part): Json {
  const { Resources, Outputs, ...rest } = template(stage, part);
  const resources = Object.fromEntries(Object.entries(Resources).map(([id, resource]) => [id, normal(resource)]));
  const text = JSON.stringify(readable({ ...rest, Rules: undefined, Outputs, Resources: resources }));
  // Built functions and placeholders differ in a description.
  return JSON.parse(text.replaceAll('PLACEHOLDER, not built: ', '').replaceAll(STACK[stage], STACK.prod));
}

const pretty = (value: Json) => JSON.stringify(value, null, 1);

test.each(PARTS)('prod: %s is as it was', part => {
  expect(pretty(normalised('prod', part))).toMatchSnapshot();
});

test.each(PARTS)('dev: %s differs from prod as it did', part => {
  const [dev, prod] = [normalised('dev', part), normalised('prod', part)];
  const ids = [...new Set([...Object.keys(dev.Resources), ...Object.keys(prod.Resources)])];
  const differences = ids
    .filter(id => pretty(dev.Resources[id]) !== pretty(prod.Resources[id]))
    .map(id => `${id}: ${pretty(dev.Resources[id]) ?? 'none'}`);
  expect(differences.join('\n')).toMatchSnapshot();
});

describe.each(STAGES)('%s', stage => {
  test('no template is larger than CloudFormation takes', () => {
    for (const part of PARTS) {
      const { Resources, Outputs, Description } = template(stage, part);
      expect(synthesised(stage, `${STACK[stage]}-${part}.template.json`).length).toBeLessThan(LIMITS.bytes);
      expect(Object.keys(Resources).length).toBeLessThan(LIMITS.resources);
      expect(Object.keys(Outputs ?? {}).length).toBeLessThan(LIMITS.outputs);
      expect(Buffer.byteLength(Description)).toBeLessThan(LIMITS.descriptionBytes);
    }
  });

  test('nothing is made by a function of the deployment, and nothing is bound to an account or a region', () => {
    for (const part of PARTS) {
      const { Resources } = template(stage, part);
      const types = Object.values(Resources).map(resource => resource.Type);
      expect(types.filter(type => /^(Custom::|AWS::CloudFormation::)/.test(type))).toEqual([]);
      const given = /123456789012|us-east-1/g;
      const own = JSON.stringify(Resources).replaceAll(/arn:aws:(acm|sns):us-east-1:123456789012:[^"]*/g, '');
      expect(own.match(given)).toBeNull();
    }
  });

  test('every output that the CLI reads is there', () => {
    const outputs = PARTS.flatMap(part => Object.keys(template(stage, part).Outputs ?? {}));
    const read = [
      'ApiUrl',
      'TableName',
      'VaultBucket',
      'ArtifactsBucket',
      'SqlClusterArn',
      'SqlSecretArn',
      'SqlDatabase',
      'LogKeyId',
      'UserPoolId',
      'UserPoolClientId',
      'IotDataEndpoint',
      'QueueUrls',
      'DeadLetterUrls',
      ...(stage === 'prod' ? ['OpenAiSecretArn'] : []),
    ];
    for (const output of read) expect(outputs.filter(each => each === output)).toHaveLength(1);
  });

  test('every import is exported by a stack that is deployed before', () => {
    const exported = new Set<string>();
    for (const part of PARTS) {
      const imports = [...JSON.stringify(template(stage, part).Resources).matchAll(/"Fn::ImportValue":"([^"]+)"/g)];
      for (const [, name] of imports) expect(exported).toContain(name);
      for (const output of Object.values(template(stage, part).Outputs ?? {})) {
        if (output.Export) exported.add(output.Export.Name);
      }
    }
    expect(exported.size).toBeGreaterThan(10);
  });

  test('cdk-nag has nothing to say', () => {
    const report = JSON.parse(synthesised(stage, 'validation-report.json')) as Json;
    expect(JSON.stringify(report)).not.toContain('AwsSolutions-');
  });
});

describe('settings', () => {
  const of = (context: Record<string, unknown>) => settings(name => context[name]);

  test('what cannot work is refused by name', () => {
    const bad: [Record<string, unknown>, string][] = [
      [{ stage: 'staging' }, 'stage'],
      [{ stack: 'Marvain' }, 'stack'],
      [{ stack: 'a'.repeat(25) }, 'stack'],
      [{ stack: 'marvain-aws' }, 'aws'],
      [{ vault_days: '0' }, 'vault_days'],
      [{ vault_mode: 'NONE' }, 'vault_mode'],
      [{ acu_max: '0.7' }, 'acu_max'],
      [{ telemetry: 'influx' }, 'telemetry'],
      [{ openai: 'yes' }, 'openai'],
      [{ iot_domain: 'iot.example.com' }, 'iot_certificate_arn'],
      [{ iot_roots: 'PEM' }, 'iot_domain'],
      [{ push_applications: '["APNS"]' }, 'push_applications'],
      [{ push_applications: '{"apns": "marvain"}' }, 'push_applications'],
      [{ push_applications: '{"APNS": "arn:aws:sns:us-east-1:123456789012:app/APNS/marvain"}' }, 'apns'],
    ];
    for (const [context, word] of bad) expect(() => of(context)).toThrow(word);
  });

  test('a development stage can be thrown away, a production stage cannot, and either can be told otherwise', () => {
    expect(of({})).toMatchObject({ stack: 'marvain-dev', stage: 'dev', vault: { mode: 'GOVERNANCE', days: 1 } });
    expect(of({ stage: 'prod' }).vault).toEqual({ mode: 'COMPLIANCE', days: 365 });
    expect(of({ stage: 'prod', vault_days: '30' }).vault.days).toBe(30);
  });

  test('a deployment without the program is refused when it is asked for', () => {
    const missing = () => build(new App(), of({ require_program: 'true', program: join(CDK, 'none.zip') }));
    expect(missing).toThrow('scripts/package');
  });
});

describe('sources', () => {
  const files = ['bin', 'lib', 'test'].flatMap(folder =>
    readdirSync(join(CDK, folder), { recursive: true })
      .map(file => join(folder, String(file)))
      .filter(file => file.endsWith('.ts')),
  );
  const read = (file: string) => readFileSync(join(CDK, file), 'utf8');

  test('hold one subject each', () => {
    expect(files.length).toBeGreaterThan(15);
    for (const file of files) expect(`${file} ${read(file).split('\n').length > FILE_LINES_MAX}`).toBe(`${file} false`);
    for (const file of files) expect(read(file).startsWith('/**')).toBe(true);
  });

  test('have no topic, SQL or IoT policy of their own', () => {
    const stray = [
      /marvain\/v1/,
      /['"`]\$aws\//,
      /\bSELECT\b/,
      /iot:(Connect|Subscribe|Receive|Publish)\b/,
      /topicfilter/,
    ];
    for (const file of files.filter(file => !file.startsWith('test'))) {
      const code = read(file)
        .replaceAll(/\/\*[\s\S]*?\*\//g, '')
        .replaceAll(/\/\/.*$/gm, '');
      for (const pattern of stray) expect(`${file}: ${code.match(pattern)?.[0] ?? 'none'}`).toBe(`${file}: none`);
    }
  });
});
