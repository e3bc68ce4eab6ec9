/** JSON Schema as OpenAPI 3.0 or 3.1 writes it. */
export interface SchemaText {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly nullable?: boolean;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaText[];
  readonly items?: SchemaText;
  readonly prefixItems?: readonly SchemaText[];
  readonly properties?: Readonly<Record<string, SchemaText>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | SchemaText;
}

/** What a part of an answer is, in words that are the same however the schema is written: `text date-time or null`, `list of DagTagResponse`, `one of failed, success`. */
export function typeFact(schema: SchemaText): string {
  const parts = new Set(alternatives(schema));
  if (parts.has('any')) return 'any';
  const isNullable = parts.delete('null');
  return [...[...parts].sort(), ...(isNullable ? ['null'] : [])].join(' or ');
}

/** The fields of an answer; with `!` those that are always there. What is no object is under an empty name. */
export function schemaFacts(schema: SchemaText): Readonly<Record<string, string>> {
  if (schema.properties === undefined) return { '': typeFact(schema) };
  return Object.fromEntries(Object.entries(schema.properties).map(([name, of]) => [`${name}${schema.required?.includes(name) === true ? '!' : ''}`, typeFact(of)]).sort(([a], [b]) => (a! < b! ? -1 : 1)));
}

/** Names of the schemas that a part of a document leads to, through `schemas`. */
export function reached(part: unknown, schemas: Readonly<Record<string, unknown>>, into = new Set<string>()): ReadonlySet<string> {
  for (const [, name] of (JSON.stringify(part) ?? '').matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    if (into.has(name!) || name === 'JsonValue') continue;
    into.add(name!);
    reached(schemas[name!], schemas, into);
  }
  return into;
}

function alternatives(schema: SchemaText): readonly string[] {
  const orNull = schema.nullable === true ? ['null'] : [];
  if (schema.$ref !== undefined) return [nameOf(schema.$ref), ...orNull];
  if (schema.anyOf !== undefined) return [...schema.anyOf.flatMap(alternatives), ...orNull];
  if (schema.type === undefined) return ['any'];
  return [...[schema.type].flat().map((type) => simple(type, schema)), ...orNull];
}

function simple(type: string, schema: SchemaText): string {
  if (type === 'null') return 'null';
  if (schema.enum !== undefined) return `one of ${[...schema.enum].map(String).sort().join(', ')}`;
  if (type === 'string') return schema.format === undefined ? 'text' : `text ${schema.format}`;
  if (type === 'array') return schema.prefixItems === undefined ? `list of ${typeFact(schema.items ?? {})}` : `tuple of ${schema.prefixItems.map(typeFact).join(', ')}`;
  if (type !== 'object') return type;
  const values = typeof schema.additionalProperties === 'object' ? typeFact(schema.additionalProperties) : 'any';
  return values === 'any' ? 'object' : `map of ${values}`;
}

function nameOf(ref: string): string {
  const name = ref.slice(ref.lastIndexOf('/') + 1);
  return name === 'JsonValue' ? 'any' : name;
}
