import type { z } from 'zod';

/** One entry of FastAPI's list in `detail`, as clients of Airflow know it. */
export interface FieldError {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
}

/** A request that does not fit its schema: 422 with one entry per field. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  constructor(readonly errors: readonly FieldError[]) {
    super(errors.map((error) => `${error.loc.join('.')}: ${error.msg}`).join('; '));
  }

  static fromZod(where: 'body' | 'query' | 'path', error: z.ZodError, input: unknown): RequestError {
    return new RequestError(error.issues.flatMap((issue) => fieldErrors(where, issue, input)));
  }

  static single(loc: readonly (string | number)[], msg: string, input: unknown, type = 'value_error'): RequestError {
    return new RequestError([{ type, loc, msg, input }]);
  }
}

function fieldErrors(where: string, issue: z.core.$ZodIssue, input: unknown): FieldError[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const value = valueAt(input, path);
  const at = (extra: readonly string[] = []) => [where, ...path, ...extra];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ type: 'extra_forbidden', loc: at([key]), msg: 'Extra inputs are not permitted', input: valueAt(value, [key]) }));
  }
  if (value === undefined) return [{ type: 'missing', loc: at(), msg: 'Field required', input: path.length <= 1 ? input : valueAt(input, path.slice(0, -1)) }];
  return [{ type: TYPES[issue.code] ?? 'value_error', loc: at(), msg: issue.message, input: value }];
}

const TYPES: Readonly<Record<string, string>> = { invalid_type: 'type_error', invalid_value: 'enum', too_small: 'greater_than_equal', too_big: 'less_than_equal', invalid_format: 'string_pattern_mismatch' };

function valueAt(input: unknown, path: readonly (string | number)[]): unknown {
  let value = input;
  for (const part of path) {
    // A parameter that was given once is a list of one.
    if (part === 0 && typeof value === 'string') continue;
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
