// Synthesises both stages as the CDK's command does, once for all tests: out/synth/{dev,prod}. Offline: nothing is looked up.
const { execFile } = require('node:child_process');
const { readFileSync, rmSync } = require('node:fs');
const { join } = require('node:path');
const { promisify } = require('node:util');

const root = join(__dirname, '..');
const { context } = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8'));
const push = JSON.stringify({ apns: 'arn:aws:sns:us-east-1:123456789012:app/APNS/marvain' });
const STAGES = {
  dev: { stack: 'marvain-dev', stage: 'dev' },
  // All that can be asked for.
  prod: {
    stack: 'marvain',
    stage: 'prod',
    openai: 'true',
    telemetry: 'timestream',
    push_applications: push,
    alarm_email: 'operator@example.com',
    iot_domain: 'iot.example.com',
    iot_certificate_arn: 'arn:aws:acm:us-east-1:123456789012:certificate/3f1a7c1e-0000-4000-8000-000000000000',
  },
};

module.exports = async () => {
  const synthesise = async ([stage, settings]) => {
    const outdir = join(root, 'out', 'synth', stage);
    rmSync(outdir, { recursive: true, force: true });
    const env = {
      PATH: process.env.PATH,
      AWS_EC2_METADATA_DISABLED: 'true',
      CDK_DISABLE_CLI_TELEMETRY: '1',
      CDK_OUTDIR: outdir,
      CDK_CONTEXT_JSON: JSON.stringify({ ...context, ...settings }),
    };
    await promisify(execFile)(process.execPath, [join(root, 'out', 'bin', 'app.js')], { cwd: root, env });
  };
  await Promise.all(Object.entries(STAGES).map(synthesise));
};
