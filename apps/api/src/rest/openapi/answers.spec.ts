import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONTROLLERS } from '../api.module.js';
import { reached, schemaFacts, typeFact } from '../../testing/answer-facts.js';
import type { SchemaText } from '../../testing/answer-facts.js';
import { openApiDocument } from './document.js';

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: SchemaText }>> }>>;
}

const DOCUMENT = openApiDocument(CONTROLLERS, '0') as { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>; readonly components: { readonly schemas: Readonly<Record<string, SchemaText>> } };
const operations = Object.values(DOCUMENT.paths).flatMap((methods) => Object.values(methods));
const byId = new Map(operations.map((operation) => [operation.operationId, operation]));
/** Of Airflow's document: what each operation answers with, and the fields of every answer (`!`: always there). */
const AIRFLOW = JSON.parse(readFileSync(new URL('../../testing/airflow-3.2.1-answers.json', import.meta.url), 'utf8')) as {
  readonly operations: Readonly<Record<string, { readonly statuses: readonly number[]; readonly answers: Readonly<Record<string, string>> }>>;
  readonly schemas: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

/** Statuses of Airflow's document that are never answered here. */
const NEVER: Readonly<Record<string, readonly number[]>> = {
  // Nothing is redirected: a page that could be named by a caller would be an open redirect. Without that parameter nothing can be wrong with the request.
  login: [307, 422], logout: [307],
  // Airflow's document says 200; its server answers 204, and so do we.
  delete_dag: [200],
};
/** Statuses that only ours has. */
const MORE_STATUSES: Readonly<Record<string, readonly string[]>> = { delete_dag: ['204'] };
/** Answers that Airflow's document leaves open, and forms that only ours has. */
const SAID_HERE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  get_asset_alias: { 'application/json': 'AssetAliasResponse' },
  login: { 'application/json': 'LoginHint' }, logout: { 'application/json': 'LoginHint' },
  delete_task_instance: { 'application/json': 'null' }, reparse_dag_file: { 'application/json': 'null' },
  get_log: { 'application/json': 'TaskInstancesLogResponse', 'application/x-ndjson': 'text', 'text/plain': 'text' },
  // Always lines: Airflow's too.
  wait_dag_run_until_finished: { 'application/x-ndjson': 'text' },
};
/** Fields of ours in answers of Airflow's names; clients that do not know them ignore them. */
const MORE_FIELDS: Readonly<Record<string, readonly string[]>> = {
  // Of Airflow's API after 3.2; its airflowctl asks for both.
  DAGResponse: ['is_backfillable', 'timetable_periodic'], DAGDetailsResponse: ['is_backfillable', 'timetable_periodic'],
  PluginResponse: ['defined_at', 'description', 'hooks', 'operators', 'routes', 'sensors', 'version'],
  PluginImportErrorResponse: ['file', 'line'],
};
const OTHER_FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // A state of Airflow's API after 3.2: a person is asked.
  TaskInstanceState: { '': 'one of awaiting_input, deferred, failed, queued, removed, restarting, running, scheduled, skipped, success, up_for_reschedule, up_for_retry, upstream_failed' },
};

describe('answers in the served OpenAPI document, beside those of Airflow 3.2.1', () => {
  it.each(Object.keys(AIRFLOW.operations))('%s: statuses, forms and types', (id) => {
    const theirs = AIRFLOW.operations[id]!;
    const { responses } = byId.get(id)!;
    const mine = Object.keys(responses);
    expect(theirs.statuses.map(String).filter((status) => !mine.includes(status)), 'statuses that are missing').toEqual((NEVER[id] ?? []).map(String));
    // Whatever else is refused is a 4XX with a detail, and a database that is away is told.
    expect(mine.filter((status) => !theirs.statuses.map(String).includes(status) && status !== '4XX' && status !== '503'), 'statuses of ours').toEqual(MORE_STATUSES[id] ?? []);
    const success = responses[mine.find((status) => status.startsWith('2'))!]!;
    const forms = Object.fromEntries(Object.entries(success.content ?? {}).map(([type, { schema }]) => [type, typeFact(schema)]));
    expect(forms).toEqual(SAID_HERE[id] ?? (id === 'delete_dag' ? {} : theirs.answers));
  });

  it.each(Object.keys(AIRFLOW.schemas))('%s: every field with its type, null or not', (name) => {
    const theirs = AIRFLOW.schemas[name]!;
    const schema = DOCUMENT.components.schemas[name];
    expect(schema, 'is in no answer here').toBeDefined();
    const mine = schemaFacts(schema!);
    const bare = (fields: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(fields).map(([field, fact]) => [field.replace('!', ''), fact]));
    const more = MORE_FIELDS[name] ?? [];
    expect(Object.keys(bare(mine)).filter((field) => !Object.hasOwn(bare(theirs), field))).toEqual(more);
    expect(Object.fromEntries(Object.entries(bare(mine)).filter(([field]) => !more.includes(field)))).toEqual({ ...bare(theirs), ...OTHER_FIELDS[name] });
    // What clients rely on to be there is always there; more may be.
    expect(Object.keys(theirs).filter((field) => field.endsWith('!') && !Object.hasOwn(mine, field)), 'may be missing here').toEqual([]);
  });

  it('says of every operation, also of ours, what it answers', () => {
    const untyped = operations.flatMap(({ operationId, responses }) => Object.entries(responses).flatMap(([status, { content = {} }]) =>
      Object.entries(content).flatMap(([type, { schema }]) => (Object.keys(schema).length === 0 ? [`${operationId} ${status} ${type}`] : []))));
    expect(untyped).toEqual([]);
    expect(operations.length).toBeGreaterThan(200);
    const used = reached(DOCUMENT.paths, DOCUMENT.components.schemas);
    expect(Object.keys(DOCUMENT.components.schemas).filter((name) => !used.has(name))).toEqual([]);
    expect([...used].filter((name) => !Object.hasOwn(DOCUMENT.components.schemas, name))).toEqual([]);
  });
});
