export const MASK = '***';
const SENSITIVE = /password|passwd|passphrase|secret|token|api_?key|access_?key|private_?key|credential|authorization/i;

/** Airflow's rule: a variable whose name looks sensitive is shown masked. */
export function isSensitiveName(name: string): boolean {
  return SENSITIVE.test(name);
}

/** A value as it may be shown: sensitive fields of nested JSON masked, everything else as it is. */
export function maskSensitive(value: unknown, name = ''): unknown {
  if (isSensitiveName(name) && value !== null && value !== '') return MASK;
  if (Array.isArray(value)) return value.map((item) => maskSensitive(item));
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskSensitive(item, key)]));
  return value;
}

/** A JSON text with its sensitive fields masked; a text that is no JSON is all masked when it stands for a secret. */
export function maskJsonText(text: string | null): string | null {
  if (text === null || text === '') return text;
  try {
    return JSON.stringify(maskSensitive(JSON.parse(text)));
  } catch {
    return MASK;
  }
}

