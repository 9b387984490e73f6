/**
 * Names that other programs know resources by: the CLI, a person at the console, a test. Everything else is named by
 * CloudFormation. Names, not references, also join the observability stack to the others, so that no export holds a
 * stack back from changing.
 */

/** Names of one deployment. */
export class Names {
  constructor(readonly stack: string) {}

  /** A CloudFormation stack: `data`, `people`, `compute`, `fleet`, `api` or `observability`. */
  part(part: string): string {
    return `${this.stack}-${part}`;
  }

  queue(queue: string): string {
    return `${this.stack}-${queue}`;
  }

  deadLetters(queue: string): string {
    return `${this.stack}-${queue}-dead`;
  }

  /** A function of the table. */
  function(name: string): string {
    return `${this.stack}-${name}`;
  }

  functionLogs(name: string): string {
    return `/aws/lambda/${this.function(name)}`;
  }

  apiLogs(): string {
    return `/aws/apigateway/${this.stack}`;
  }

  databaseCluster(): string {
    return `${this.stack}-recall`;
  }

  databaseLogs(): string {
    return `/aws/rds/cluster/${this.databaseCluster()}/postgresql`;
  }
}

/** `observe` → `Observe`, `provisioning-hook` → `ProvisioningHook`: what logical ids begin with. */
export function pascal(name: string): string {
  return name
    .split(/[-_]/)
    .map(word => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
