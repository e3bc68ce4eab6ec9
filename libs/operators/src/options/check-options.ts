/** Checks of what an author gave, which throw where the task is made: an import error with the author's line. */

/** @throws TypeError naming the task and the option */
export function needText(taskId: string, name: string, value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '') throw new TypeError(`task "${taskId}": ${name} must be a text that is not empty, got ${shown(value)}`);
  return value;
}

export function optionalText(taskId: string, name: string, value: unknown): string | undefined {
  return value === undefined ? undefined : needText(taskId, name, value);
}

/** A whole number of at least `min`. */
export function wholeNumber(taskId: string, name: string, value: unknown, fallback: number, min = 1): number {
  if (value === undefined) return fallback;
  if (!Number.isSafeInteger(value) || (value as number) < min) throw new RangeError(`task "${taskId}": ${name} must be a whole number of at least ${min}, got ${shown(value)}`);
  return value as number;
}

export function positiveNumber(taskId: string, name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !(value > 0)) throw new RangeError(`task "${taskId}": ${name} must be a number above 0, got ${shown(value)}`);
  return value;
}

export function oneOf<Choice extends string>(taskId: string, name: string, value: unknown, choices: readonly Choice[], fallback: Choice): Choice {
  if (value === undefined) return fallback;
  if (!choices.includes(value as Choice)) throw new RangeError(`task "${taskId}": ${name} must be one of ${choices.join(', ')}, got ${shown(value)}`);
  return value as Choice;
}

/** Names to texts, as of headers and environments. */
export function textTable(taskId: string, name: string, value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  const isTable = typeof value === 'object' && value !== null && !Array.isArray(value);
  const wrong = isTable ? Object.entries(value).find(([, text]) => typeof text !== 'string') : undefined;
  if (!isTable) throw new TypeError(`task "${taskId}": ${name} must be an object of texts, got ${shown(value)}`);
  if (wrong !== undefined) throw new TypeError(`task "${taskId}": ${name}.${wrong[0]} must be a text, got ${shown(wrong[1])}`);
  return value as Readonly<Record<string, string>>;
}

export function optionalFunction<F>(taskId: string, name: string, value: F): F {
  if (value !== undefined && typeof value !== 'function') throw new TypeError(`task "${taskId}": ${name} must be a function, got ${shown(value)}`);
  return value;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value) ?? typeof value;
}
