import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONTROLLERS } from '../api.module.js';
import { openApiDocument } from './document.js';

interface Theirs {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly string[];
  readonly body: { readonly fields?: readonly string[]; readonly needed?: readonly string[]; readonly closed?: boolean } | null;
  readonly success: readonly number[];
}
interface Mine {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Schema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly anyOf?: readonly Schema[];
}

const DOCUMENT = openApiDocument(CONTROLLERS, '0') as { readonly paths: Readonly<Record<string, Readonly<Record<string, Mine>>>> };
/** Method, path, parameters (`!`: needed), body fields and status of Airflow's operations, out of its document. */
const AIRFLOW = JSON.parse(readFileSync(new URL('../../testing/airflow-3.2.1-operations.json', import.meta.url), 'utf8')) as Readonly<Record<string, Theirs>>;
const found = new Map(Object.entries(DOCUMENT.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => [operation.operationId, { path, method: method.toUpperCase(), operation }] as const)));

/** What differs on purpose. */
const LACKS: Readonly<Record<string, readonly string[]>> = {
  // Nothing is redirected: a page that could be named by a caller would be an open redirect.
  login: ['query next'],
};
const STATUS: Readonly<Record<string, number>> = {
  // Airflow's document says 200; its server answers 204, and so do we.
  delete_dag: 204,
};

describe('the served OpenAPI document, beside that of Airflow 3.2.1', () => {
  it('has all of its operations', () => {
    expect(Object.keys(AIRFLOW)).toHaveLength(110);
    expect(Object.keys(AIRFLOW).filter((id) => !found.has(id))).toEqual([]);
  });

  it.each(Object.keys(AIRFLOW))('%s: method, path, parameters, body and status', (id) => {
    const theirs = AIRFLOW[id]!;
    const { path, method, operation } = found.get(id)!;
    expect([method, path]).toEqual([theirs.method, theirs.path]);

    const parameters = (operation.parameters ?? []).map((each) => `${each.in} ${each.name}${each.required ? '!' : ''}`);
    expect(theirs.parameters.filter((each) => !parameters.includes(each) && !LACKS[id]?.includes(each)), 'parameters that are not looked at').toEqual([]);
    // More may be asked for here, but nothing more is needed.
    expect(parameters.filter((each) => each.endsWith('!') && !theirs.parameters.includes(each)), 'parameters needed here only').toEqual([]);

    const schema = operation.requestBody?.content['application/json'].schema;
    expect(schema === undefined, 'one has a body').toBe(theirs.body === null);
    if (schema !== undefined && theirs.body?.fields !== undefined) {
      const body = schema.anyOf?.find((each) => each.properties !== undefined) ?? schema;
      // Fields of ours, or of later Airflows, may be there too; none of them is needed.
      expect(theirs.body.fields.filter((field) => !Object.hasOwn(body.properties ?? {}, field)), 'fields that are not known').toEqual([]);
      expect([...(body.required ?? [])].sort()).toEqual(theirs.body.needed);
      if (theirs.body.closed) expect(body.additionalProperties, 'unknown fields are refused').toBe(false);
    }
    expect(Object.keys(operation.responses)).toContain(String(STATUS[id] ?? theirs.success[0]));
  });

  it('gives each operation a name of its own', () => {
    const names = Object.values(DOCUMENT.paths).flatMap((methods) => Object.values(methods).map((operation) => operation.operationId));
    expect(new Set(names).size).toBe(names.length);
  });
});
