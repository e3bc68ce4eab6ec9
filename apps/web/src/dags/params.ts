import { instantOf, wallClock } from '../time/format.js';
import type { Param } from '../rest/shapes.js';

export type FieldKind = 'choice' | 'choices' | 'boolean' | 'integer' | 'number' | 'date' | 'instant' | 'text' | 'long-text' | 'list' | 'json';

/** How one param is asked for in a form, from its JSON Schema. */
export interface Field {
  readonly name: string;
  readonly title: string;
  readonly description: string | null;
  readonly kind: FieldKind;
  readonly choices: readonly { readonly value: string; readonly label: string }[];
  readonly isNullable: boolean;
  readonly isFixed: boolean;
  readonly initial: string | boolean | readonly string[];
  readonly section: string | null;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

/** @param zone what times are shown in */
export function fieldsOf(params: Readonly<Record<string, Param>>, zone: string): readonly Field[] {
  return Object.entries(params).map(([name, param]) => {
    const schema = param.schema;
    const types = [schema['type'] ?? typeOf(param.value)].flat().map(String);
    const isNullable = types.includes('null') || param.value === null;
    const kind = kindOf(schema, types);
    const labels = (schema['values_display'] ?? {}) as Record<string, string>;
    const offered = (schema['enum'] ?? schema['examples'] ?? ((schema['items'] as { enum?: unknown } | undefined)?.enum) ?? []) as unknown[];
    return {
      name,
      title: typeof schema['title'] === 'string' ? schema['title'] : name,
      description: param.description ?? (typeof schema['description'] === 'string' ? schema['description'] : null),
      kind,
      choices: offered.map((one) => ({ value: written(one), label: labels[String(one)] ?? written(one) })),
      isNullable,
      isFixed: 'const' in schema,
      initial: initialOf(kind, param.value, zone),
      section: typeof schema['section'] === 'string' ? schema['section'] : null,
      minimum: typeof schema['minimum'] === 'number' ? schema['minimum'] : undefined,
      maximum: typeof schema['maximum'] === 'number' ? schema['maximum'] : undefined,
    };
  });
}

/** What a field's content means as JSON. @throws Error with a sentence when it means nothing. */
export function valueOf(field: Field, content: string | boolean | readonly string[], params: Readonly<Record<string, Param>>, zone: string): unknown {
  if (typeof content === 'boolean') return content;
  if (Array.isArray(content)) {
    const schema = params[field.name]!.schema;
    const offered = (schema['examples'] ?? (schema['items'] as { enum?: unknown } | undefined)?.enum ?? []) as unknown[];
    return content.map((text) => offered.find((one) => written(one) === text) ?? text);
  }
  const text = content as string;
  if (text.trim() === '' && field.kind !== 'text' && field.kind !== 'long-text') {
    if (field.isNullable) return null;
    throw new Error(`${field.title}: a value is needed`);
  }
  if (text === '' && field.isNullable) return null;
  switch (field.kind) {
    case 'integer':
    case 'number': {
      const number = Number(text);
      if (!Number.isFinite(number) || (field.kind === 'integer' && !Number.isInteger(number))) throw new Error(`${field.title}: ${field.kind === 'integer' ? 'a whole number' : 'a number'} is needed`);
      return number;
    }
    case 'choice': {
      const schema = params[field.name]!.schema;
      const offered = (schema['enum'] ?? schema['examples'] ?? []) as unknown[];
      return offered.find((one) => written(one) === text) ?? text;
    }
    case 'list':
      return text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
    case 'json':
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw new Error(`${field.title}: this is not JSON`);
      }
    case 'instant': {
      return instantOf(text, zone);
    }
    default:
      return text;
  }
}

function kindOf(schema: Readonly<Record<string, unknown>>, types: readonly string[]): FieldKind {
  if (Array.isArray(schema['enum'])) return 'choice';
  const isText = (one: unknown): boolean => (one as { type?: unknown } | undefined)?.type === undefined || (one as { type?: unknown }).type === 'string';
  if (types.includes('array')) return Array.isArray(schema['examples']) || Array.isArray((schema['items'] as { enum?: unknown } | undefined)?.enum) ? 'choices' : isText(schema['items']) ? 'list' : 'json';
  if (types.includes('boolean')) return 'boolean';
  if (types.includes('integer')) return 'integer';
  if (types.includes('number')) return 'number';
  if (types.includes('object')) return 'json';
  if (schema['format'] === 'date') return 'date';
  if (schema['format'] === 'date-time') return 'instant';
  return schema['format'] === 'multiline' || Number(schema['maxLength'] ?? 0) > 200 ? 'long-text' : 'text';
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'string';
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string') ? 'array' : 'object';
  if (typeof value === 'number') return Number.isInteger(value) ? 'number' : 'number';
  return typeof value;
}

function initialOf(kind: FieldKind, value: unknown, zone: string): string | boolean | readonly string[] {
  if (kind === 'boolean') return value === true;
  if (kind === 'choices') return Array.isArray(value) ? value.map(written) : [];
  if (value === null || value === undefined) return '';
  if (kind === 'list' && Array.isArray(value)) return value.map(written).join('\n');
  if (kind === 'json') return JSON.stringify(value, null, 2);
  if (kind === 'instant') return Number.isNaN(Date.parse(String(value))) ? '' : wallClock(withZone(String(value)), zone);
  return written(value);
}

/** A time without a zone is UTC, as everywhere in the api. */
function withZone(text: string): string {
  return /(?:Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`;
}

function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
