import type { SecretMask } from '@millrace/task-logs';

const SENSITIVE_NAME = /passw|secret|token|api_?key|private_?key|passphrase|credential|authorization|access_?key/i;

/** Whether a name says that its value is to be hidden, by Airflow's list of names. */
export function isSensitiveName(name: string): boolean {
  return SENSITIVE_NAME.test(name);
}

/** Hides the values under sensitive names, at any depth: the password of a connection and the secrets in its extra. */
export function maskSensitiveFields(mask: SecretMask, value: unknown): void {
  if (typeof value === 'string' && value.startsWith('{')) maskSensitiveFields(mask, parsed(value));
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (isSensitiveName(name)) mask.add(inner);
    maskSensitiveFields(mask, inner);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Text that only looks like JSON has no named fields to hide.
  }
}
