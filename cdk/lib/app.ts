/** All stacks of one deployment, in the order in which they are deployed. */
import { type App, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ApiStack } from './api-stack';
import { ComputeStack } from './compute-stack';
import { DataStack } from './data-stack';
import { FleetStack } from './fleet-stack';
import { Names } from './names';
import { ObservabilityStack } from './observability-stack';
import { PeopleStack } from './people-stack';
import { rendered as read } from './rendered';
import type { Settings } from './settings';

/** The parts of a deployment, and so its stacks. */
export const PARTS = ['data', 'people', 'compute', 'fleet', 'api', 'observability'] as const;

/** Adds the stacks to an app, and the checks that they have to pass. */
export function build(app: App, settings: Settings): void {
  const rendered = read();
  const names = new Names(settings.stack);
  const common = { settings, rendered, names };
  const data = new DataStack(app, common);
  const people = new PeopleStack(app, common);
  const compute = new ComputeStack(app, { ...common, data });
  const fleet = new FleetStack(app, { ...common, compute });
  const api = new ApiStack(app, { ...common, data, people, compute });
  const made = { tableName: data.shared.tableName, apiId: api.apiId };
  const observability = new ObservabilityStack(app, { ...common, made });
  // Imports by name order nothing by themselves.
  compute.addStackDependency(data);
  for (const stack of [data, compute]) api.addStackDependency(stack);
  for (const stack of [data, fleet, api]) observability.addStackDependency(stack);
  if (settings.stage === 'prod') {
    for (const stack of [data, people]) stack.terminationProtection = true;
  }
  Tags.of(app).add('marvain', settings.stack);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}
