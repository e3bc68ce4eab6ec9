import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiRig } from '../../testing/api-rig.js';

/** The same requests each time; a night tries others with schemathesis (test/nightly.mjs fuzz). */
const SEED = 20_261_123;
const REQUESTS_PER_OPERATION = 3;
/** What an answer must never show: our files, our statements, a stack. */
const INTERNALS = /\bat .+\(?\/.+:\d+:\d+|node_modules|\/src\/|\/dist\/|\bselect .+ from |\binsert into |\bupdate .+ set |pg_catalog|QueryFailedError|TypeError|ReferenceError/i;
/** Streams that end with their reader, and a run's end, which never comes here. */
const ENDLESS = /\/updates$|\/stream$|\/wait$/;

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly format?: string;
}
interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
}

let rig: ApiRig;
beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('fuzzed.ts', [{ format: 1, dagId: 'fuzzed', tasks: [{ taskId: 'only', operator: 'EmptyOperator' }] }]);
  expect((await rig.call('POST', '/api/v2/dags/fuzzed/dagRuns', { body: { dag_run_id: 'run', logical_date: null } })).status).toBe(200);
});
afterAll(() => rig[Symbol.asyncDispose]());

it('whatever is sent to whatever operation, nothing fails and nothing of the inside is told', { timeout: 180_000 }, async () => {
  const { paths } = (await rig.get('/openapi.json', { token: null })).body as { paths: Record<string, Record<string, Operation>> };
  const operations = Object.entries(paths).flatMap(([path, methods]) => (ENDLESS.test(path) ? [] : Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation }))));
  expect(operations.length).toBeGreaterThan(110);
  const wrong: string[] = [];
  for (const [index, { path, method, operation }] of operations.entries()) {
    const requests = fc.sample(requestOf(path, operation), { seed: SEED + index, numRuns: REQUESTS_PER_OPERATION });
    for (const { url, body } of requests) {
      const send = async (): ReturnType<ApiRig['call']> => rig.call(method, url, { ...(body === undefined ? {} : { body }), token: await (token ??= rig.login()) });
      let answer = await send();
      // A fuzzed request may well end the session it is sent with.
      if (answer.status === 401) {
        token = null;
        answer = await send();
      }
      const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
      if (answer.status >= 500 && answer.status !== 501) wrong.push(`${method} ${url} ${JSON.stringify(body)}: ${answer.status} ${text}\n${rig.logged.at(-1)}`);
      else if (answer.status >= 400 && INTERNALS.test(text)) wrong.push(`${method} ${url} ${JSON.stringify(body)}: tells ${text}`);
      else if (answer.status >= 400 && !text.startsWith('{"detail":')) wrong.push(`${method} ${url}: ${answer.status} without a detail: ${text.slice(0, 200)}`);
    }
  }
  expect(wrong).toEqual([]);
});

it('limits depth, size and unknown fields', async () => {
  // What was sent above may have deleted the other one.
  await rig.publish('limited.ts', [{ format: 1, dagId: 'limited', tasks: [{ taskId: 'only', operator: 'EmptyOperator' }] }]);
  const nested = (depth: number): string => `{"logical_date":null,"note":"[[{{ \\" [","conf":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`;
  expect(await rig.call('POST', '/api/v2/dags/limited/dagRuns', { body: nested(20_000) })).toMatchObject({ status: 422, body: { detail: [{ msg: expect.stringContaining('deeper than 200') }] } });
  expect((await rig.call('POST', '/api/v2/dags/limited/dagRuns', { body: nested(150) })).status).toBe(200);
  expect((await rig.call('POST', '/api/v2/dags/limited/dagRuns', { body: { logical_date: null, conf: { a: 'x'.repeat(2_000_000) } } })).status).toBe(413);
  expect((await rig.get('/api/v2/dags?limit=1000000')).status).toBe(200);
  expect(await rig.call('POST', '/api/v2/variables', { body: { key: 'a', value: 'b', colour: 1 } })).toMatchObject({ status: 422, body: { detail: [{ type: 'extra_forbidden', loc: ['body', 'colour'] }] } });
});

let token: Promise<string> | null = null;

const KNOWN: Readonly<Record<string, string>> = { dag_id: 'fuzzed', dag_run_id: 'run', task_id: 'only' };
/** What breaks programs: empty, long, quoting, signs of other tongues, U+0000, numbers beyond what a column holds. */
const TEXT = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constantFrom('', '~', '%', "' or 1=1 --", '../../etc/passwd', '\u0000', '\ud800', 'x'.repeat(300), '2026-13-45', '9999999999999999999', '-1', '{}', '[]', 'null'));
const NUMBER = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 2 ** 31, 2 ** 53, -(2 ** 63), 1e300, 0.5));

function requestOf(path: string, { parameters = [], requestBody }: Operation): fc.Arbitrary<{ url: string; body: unknown }> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const segment = (name: string): fc.Arbitrary<string> => fc.oneof({ weight: 3, arbitrary: fc.constant(KNOWN[name] ?? '1') }, { weight: 1, arbitrary: TEXT.filter((text) => !/^\.{0,2}$/.test(text)) });
  const query = parameters.filter((each) => each.in === 'query').map((each) => fc.option(valueOf(each.schema, 0).map((value) => [each.name, value] as const), { freq: 2 }));
  return fc.record({
    ids: fc.tuple(...names.map(segment)),
    query: fc.tuple(...query),
    body: requestBody === undefined ? fc.constant(undefined) : fc.oneof({ weight: 4, arbitrary: valueOf(requestBody.content['application/json'].schema, 0) }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) }),
  }).map(({ ids, query: given, body }) => {
    const values = [...ids];
    const search = new URLSearchParams();
    for (const pair of given) if (pair !== null) for (const value of [pair[1]].flat()) search.append(pair[0], typeof value === 'object' ? JSON.stringify(value) : String(value));
    return { url: `${path.replace(/\{\w+\}/g, () => encodeURIComponent(Buffer.from(values.shift()!).toString()))}${search.size > 0 ? `?${search.toString()}` : ''}`, body };
  });
}

/** Mostly what the schema asks for, now and then something else. */
function valueOf(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 8, arbitrary: fitting(schema, depth) }, { weight: 1, arbitrary: fc.oneof(TEXT, NUMBER, fc.constantFrom(null, true, [], {})) });
}

function fitting(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const either = schema.anyOf ?? schema.oneOf;
  if (either !== undefined) return fc.oneof(...either.map((each) => valueOf(each, depth)));
  const type = Array.isArray(schema.type) ? (schema.type as readonly string[])[0] : schema.type;
  if (type === 'object' && schema.properties !== undefined && depth < 5) {
    const fields = Object.fromEntries(Object.entries(schema.properties).map(([name, of]) => [name, valueOf(of, depth + 1)]));
    return fc.record(fields, { requiredKeys: [...(schema.required ?? [])].filter((name) => name in fields) });
  }
  if (type === 'array') return fc.array(valueOf(schema.items ?? {}, depth + 1), { maxLength: 3 });
  if (type === 'integer' || type === 'number') return NUMBER;
  if (type === 'boolean') return fc.boolean();
  if (type === 'string') return schema.format === 'date-time' ? fc.oneof(fc.date({ noInvalidDate: true }).map((date) => date.toISOString()), TEXT) : TEXT;
  if (type === 'null') return fc.constant(null);
  return fc.jsonValue({ maxDepth: 3 });
}
