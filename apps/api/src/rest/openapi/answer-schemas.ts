import { z } from 'zod';

/**
 * What the api answers, in zod. Handlers are typed by these schemas and the served document is made from them: a presenter that changes its shape does not
 * compile, and specs check every answer against the document (docs/decisions/0041).
 */
export const ANSWERS = z.registry<{ readonly id?: string; readonly format?: string }>();

/** A part of answers that has a name of its own in the served document. */
export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  if (ANSWERS.has(schema)) throw new Error(`a schema has one name: ${id} would be the second of ${ANSWERS.get(schema)?.id}`);
  ANSWERS.add(schema, { id });
  return schema;
}

/** One page of a list: Airflow's form of every collection. */
export function page<Name extends string, Item extends z.ZodType>(id: string, name: Name, item: Item) {
  return named(id, z.object({ [name]: z.array(item), total_entries: z.int() } as Record<Name, z.ZodArray<Item>> & { total_entries: z.ZodInt }));
}

/** RFC 3339, as `instantText` writes it. */
export const time = z.string().register(ANSWERS, { format: 'date-time' });
/** ISO 8601, as `durationText` writes it. */
export const duration = z.string().register(ANSWERS, { format: 'duration' });
export const anyJson = z.unknown();
export const anyObject = z.record(z.string(), z.unknown());

/** What a handler with this schema returns. */
export type Answer<Schema extends z.ZodType> = Immutable<z.output<Schema>>;

type Json = Readonly<Record<string, unknown>>;

/** As the document writes it: a name where it has one. */
export function schemaOf(schema: z.ZodType): Json {
  const id = ANSWERS.get(schema)?.id;
  if (id !== undefined) return { $ref: placeOf(id) };
  const { $schema: _, $defs: __, ...rest } = z.toJSONSchema(schema, OPTIONS) as Record<string, unknown>;
  return JSON.parse(JSON.stringify(rest).replaceAll('"#/$defs/', `"${placeOf('')}`)) as Json;
}

/** Every named schema that these paths lead to. */
export function answerSchemas(paths: object): Readonly<Record<string, Json>> {
  const all = z.toJSONSchema(ANSWERS as never, { ...OPTIONS, uri: placeOf }).schemas as Readonly<Record<string, Json>>;
  const found = new Map<string, Json>();
  const walk = (part: object): void => {
    for (const [, name] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      const schema = all[name!];
      if (schema === undefined || found.has(name!)) continue;
      const { $schema: _, $id: __, ...rest } = schema;
      found.set(name!, rest);
      walk(rest);
    }
  };
  walk(paths);
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Open, as clients should read them: a later version may say more. */
const OPTIONS = {
  io: 'input', target: 'draft-2020-12', unrepresentable: 'any', metadata: ANSWERS as never,
  override: ({ jsonSchema }: { readonly jsonSchema: Record<string, unknown> }): void => {
    // What any number of JavaScript fits, and how a uuid is spelled, tells nobody anything.
    if (jsonSchema['type'] === 'integer') {
      if (jsonSchema['minimum'] === Number.MIN_SAFE_INTEGER) delete jsonSchema['minimum'];
      if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum'];
    }
    if (jsonSchema['format'] === 'uuid') delete jsonSchema['pattern'];
  },
} as const;

function placeOf(id: string): string {
  return `#/components/schemas/${id}`;
}

type Immutable<T> = T extends object ? { readonly [Key in keyof T]: Immutable<T[Key]> } : T;
