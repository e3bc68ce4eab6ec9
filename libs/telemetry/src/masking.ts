/** What stands where a secret was. */
export const MASK = '***';

/** Names of fields whose value is never written, whatever it is. */
const SECRET_NAME = /pass(?:word|wd|phrase)|secret|token|authorization|api[-_]?key|private[-_]?key|credential|cookie/i;

/**
 * Shapes of secrets inside texts. Every pattern begins with a literal and is bounded, so that a long line without any
 * of them costs one linear scan each.
 */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/:\/\/([^\s:@/]{0,256}):[^\s@/]{1,1024}@/g, `://$1:${MASK}@`],
  [/\b(Bearer|Basic) [\w.~+/=-]{8,8192}/gi, `$1 ${MASK}`],
  [/\b((?:password|passwd|secret|token|api_?key)(?:["']?=|["']:\s?)["']?)[^\s&"',;]{1,8192}/gi, `$1${MASK}`],
];

/** Shorter values would mask half of every line. */
const SHORTEST_SECRET_CHARS = 6;

const values = new Set<string>();
let anyValue: RegExp | null = null;

/** From now on this value is masked wherever it occurs, also URL-encoded and in base64. Values under six characters are not taken. */
export function registerSecret(value: string): void {
  if (value.length < SHORTEST_SECRET_CHARS || values.has(value)) return;
  for (const form of [value, encodeURIComponent(value), Buffer.from(value).toString('base64'), JSON.stringify(value).slice(1, -1)]) values.add(form);
  // Longest first: a secret that contains another must not be cut in two.
  const escaped = [...values].sort((a, b) => b.length - a.length).map((form) => form.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  anyValue = new RegExp(escaped.join('|'), 'g');
}

/** The text without registered secrets, passwords in URLs, bearer tokens and `password=…`. */
export function maskText(text: string): string {
  let masked = anyValue === null ? text : text.replace(anyValue, MASK);
  for (const [shape, replacement] of SHAPES) masked = masked.replace(shape, replacement);
  return masked;
}

/** Nested deeper than this is not written: log fields are facts, not object graphs. */
const MAX_DEPTH = 6;
const MAX_ITEMS = 100;
/** Characters of one text that are written; cut after masking, so that half a secret can't escape the mask. */
const MAX_TEXT_CHARS = 16_384;

/** A JSON-ready copy of any value with its secrets masked. Never throws: a log line must not break what it reports. */
export function maskValue(value: unknown, depth = 0): unknown {
  try {
    return masked(value, depth);
  } catch (error) {
    return `[not loggable: ${error instanceof Error ? error.message : 'unknown'}]`;
  }
}

function masked(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cut(maskText(value));
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'function') return '[function]';
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (depth >= MAX_DEPTH) return '[nested too deep]';
  if (value instanceof Error) return maskedError(value, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => maskValue(item, depth + 1));
    return value.length > MAX_ITEMS ? [...items, `… ${value.length - MAX_ITEMS} more`] : items;
  }
  if (value instanceof Map) return masked(Object.fromEntries(value), depth);
  if (value instanceof Set) return masked([...value], depth);
  return maskFields(value, depth);
}

/** The fields of an object, masked by name and by content. */
export function maskFields(fields: object, depth = 0): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  let count = 0;
  for (const [name, value] of Object.entries(fields)) {
    if (++count > MAX_ITEMS) {
      out['…'] = 'more fields';
      break;
    }
    out[maskText(name)] = value !== null && value !== undefined && value !== '' && SECRET_NAME.test(name) ? MASK : maskValue(value, depth + 1);
  }
  return out;
}

function maskedError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause, ...rest } = error as Error & Record<string, unknown>;
  return {
    name: error.name ?? name,
    message: cut(maskText(error.message ?? message)),
    ...(stack === undefined ? {} : { stack: cut(maskText(String(stack))) }),
    ...(cause === undefined ? {} : { cause: maskValue(cause, depth + 1) }),
    ...(error instanceof AggregateError ? { errors: maskValue(error.errors, depth + 1) } : {}),
    ...maskFields(rest, depth),
  };
}

function cut(text: string): string {
  return text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS)}… (${text.length} characters)` : text;
}
