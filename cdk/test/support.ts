/** The synthesised templates of both stages, and how tests look into them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const STAGES = ['dev', 'prod'] as const;
export type Stage = (typeof STAGES)[number];
export const STACK = { dev: 'marvain-dev', prod: 'marvain' } as const;
export const PARTS = ['data', 'people', 'compute', 'fleet', 'api', 'observability'] as const;
export type Part = (typeof PARTS)[number];

/** JSON, as deep as one likes to look. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;

export interface Template {
  readonly Description: string;
  readonly Parameters?: Record<string, Json>;
  readonly Resources: Record<string, Json>;
  readonly Outputs?: Record<string, Json>;
}

/** The source tree of `cdk/`, seen from the compiled test. */
export const CDK = join(__dirname, '..', '..');

export function synthesised(stage: Stage, file: string): string {
  return readFileSync(join(CDK, 'out', 'synth', stage, file), 'utf8');
}

export function template(stage: Stage, part: Part): Template {
  return JSON.parse(synthesised(stage, `${STACK[stage]}-${part}.template.json`)) as Template;
}

/** Resources of a type: logical id and properties. */
export function all(stage: Stage, part: Part, type: string): { readonly id: string; readonly properties: Json }[] {
  return Object.entries(template(stage, part).Resources)
    .filter(([, resource]) => resource.Type === type)
    .map(([id, resource]) => ({ id, properties: resource.Properties }));
}

/** The one resource of a type. */
export function one(stage: Stage, part: Part, type: string): Json {
  const found = all(stage, part, type);
  expect(found).toHaveLength(1);
  return found[0]!.properties;
}

/** A value as people read it: references in angle brackets, imports by name, joins joined. */
export function readable(value: Json): Json {
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.keys(value);
  if (keys.length === 1) {
    if ('Ref' in value) return `<${value.Ref}>`;
    if ('Fn::GetAtt' in value) return `<${value['Fn::GetAtt'].join('.')}>`;
    if ('Fn::ImportValue' in value) return `<import ${value['Fn::ImportValue']}>`;
    if ('Fn::Sub' in value) return value['Fn::Sub'];
    if ('Fn::Join' in value) return value['Fn::Join'][1].map(readable).join(value['Fn::Join'][0]);
  }
  return Object.fromEntries(keys.map(key => [key, readable(value[key])]));
}
