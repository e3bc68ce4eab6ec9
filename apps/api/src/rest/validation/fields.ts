import { z } from 'zod';
import type { PageRequest, Range } from '@millrace/persistence';

/** Text of a time as Airflow's clients write it: a date, or a date and time with or without offset (then UTC). */
const INSTANT = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+\- ]\d\d:?\d\d)?)?$/i;

/** @returns null when the text is no time. A blank before the offset is a `+` that a query string lost. */
export function parseInstant(text: string): Date | null {
  if (!INSTANT.test(text)) return null;
  let normal = text.replace(/ (\d\d:?\d\d)$/, (rest, offset: string) => (text.length > 16 && text.lastIndexOf(rest) > 10 ? `+${offset}` : rest)).replace(' ', 'T');
  if (/^\d{4}-\d\d-\d\d$/.test(normal)) normal += 'T00:00:00Z';
  else if (!/(?:Z|[+-]\d\d:?\d\d)$/i.test(normal.slice(10))) normal += 'Z';
  const date = new Date(normal.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  return Number.isNaN(date.getTime()) ? null : date;
}

export const instant = z.string().meta({ format: 'date-time' }).transform((text, context): Date => {
  const date = parseInstant(text);
  if (date !== null) return date;
  context.addIssue({ code: 'custom', message: 'Input should be a valid datetime, e.g. 2026-05-23T04:48:14Z' });
  return z.NEVER;
});

/** Names or numbers of one parameter. More do not fit a request's head of 16 KiB anyway. */
const LIST_MAX = 200;

const list = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => (value === undefined ? undefined : Array.isArray(value) ? value : [value]), z.array(item).max(LIST_MAX).optional());

/** Parameters of a query string. Repeated names are lists. */
export const query = {
  text: z.preprocess(last, z.string().max(1_000).optional()),
  texts: list(z.string().max(250)),
  integer: z.preprocess(last, z.coerce.number().int().optional()),
  integers: list(z.coerce.number().int()),
  number: z.preprocess(last, z.coerce.number().optional()),
  boolean: z.preprocess((value) => asBoolean(last(value)), z.boolean().optional()),
  instant: z.preprocess(last, instant.optional()),
};

/** `limit`, `offset` and `order_by` of every list. A `limit` above the configured maximum means the maximum. */
export function pageFields(defaultOrder: string): { limit: z.ZodType<number>; offset: z.ZodType<number>; order_by: z.ZodType<string[]> } {
  return {
    limit: z.preprocess(last, z.coerce.number().int().min(0, 'Input should be greater than or equal to 0').default(50)) as unknown as z.ZodType<number>,
    offset: z.preprocess(last, z.coerce.number().int().min(0, 'Input should be greater than or equal to 0').max(2_147_483_647).default(0)) as unknown as z.ZodType<number>,
    order_by: list(z.string().max(100)).transform((names) => names ?? (defaultOrder === '' ? [] : [defaultOrder])) as unknown as z.ZodType<string[]>,
  };
}

/** `<name>_gte`, `_gt`, `_lte`, `_lt` for each name. */
export function rangeFields<Name extends string, T extends z.ZodType>(names: readonly Name[], type: T): Record<`${Name}_${'gte' | 'gt' | 'lte' | 'lt'}`, T> {
  return Object.fromEntries(names.flatMap((name) => ['gte', 'gt', 'lte', 'lt'].map((bound) => [`${name}_${bound}`, type]))) as never;
}

/** The four bounds of a name as one range. */
export function rangeOf<T>(values: Readonly<Record<string, unknown>>, name: string): Range<T> {
  return { gte: values[`${name}_gte`] as T, gt: values[`${name}_gt`] as T, lte: values[`${name}_lte`] as T, lt: values[`${name}_lt`] as T };
}

export function pageOf(values: { readonly limit: number; readonly offset: number; readonly order_by?: readonly string[] }, maximum: number): PageRequest {
  return { limit: Math.min(values.limit, maximum), offset: values.offset, orderBy: values.order_by ?? [] };
}

function last(value: unknown): unknown {
  return Array.isArray(value) ? value.at(-1) : value;
}

function asBoolean(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (/^(true|1|yes|on|t|y)$/i.test(value)) return true;
  if (/^(false|0|no|off|f|n)$/i.test(value)) return false;
  return value;
}
