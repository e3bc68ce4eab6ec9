import type { SecretBox } from '@millrace/access';
import type { OutsideSecrets } from '@millrace/configuration';
import type { AttemptReads } from '@millrace/persistence';
import type { OpenConnection } from '@millrace/scheduling';

/** Connections for what this process listens to itself. */
export function openConnectionWith(reads: AttemptReads, secrets: SecretBox, outside: OutsideSecrets): OpenConnection {
  return async (connectionId) => {
    const written = outside.connection(connectionId);
    if (written !== undefined) return written;
    const stored = await reads.connection(connectionId);
    if (stored === undefined) return undefined;
    const { connType, host, port, login, schema, passwordEncrypted } = stored;
    return { connType, host, port, login, schema, password: passwordEncrypted === null ? null : secrets.open(passwordEncrypted, `connection/${connectionId}/password`) };
  };
}
