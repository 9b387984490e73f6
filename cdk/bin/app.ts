/**
 * The CDK app: `cdk.json` runs it. Reads the context (README.md has the settings), adds the stacks, and writes beside the
 * templates what a teardown leaves behind.
 */
import { App } from 'aws-cdk-lib';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from '../lib/app';
import { ROOT } from '../lib/rendered';
import { retained, type Template } from '../lib/retained';
import { settings } from '../lib/settings';

const app = new App();
// Where Cargo builds, and so where `scripts/package` puts the program.
const target = process.env.CARGO_TARGET_DIR;
const program = target && resolve(ROOT, target, 'lambdas.zip');
build(
  app,
  settings(name => app.node.tryGetContext(name) ?? (name === 'program' ? program : undefined)),
);
const assembly = app.synth();
const list = assembly.stacks.flatMap(stack => retained(stack.stackName, stack.template as Template));
writeFileSync(join(assembly.directory, 'retained.json'), `${JSON.stringify(list, null, 2)}\n`);
