import { isWithinReach, outOfReach } from '@millrace/access';
import type { SecretBox } from '@millrace/access';
import type { OutsideSecrets } from '@millrace/configuration';
import type { AttemptReads } from '@millrace/persistence';
import type { OpenConnection } from '@millrace/scheduling';

/** Connections for what this process listens to or calls itself, on behalf of dags. */
export function openConnectionWith(reads: AttemptReads, secrets: SecretBox, outside: OutsideSecrets): OpenConnection {
  return async (connectionId, asking) => {
    const [first] = asking;
    const ofOne = first !== undefined && asking.every((dag) => dag.team === first.team) ? first.team : null;
    const written = outside.connection(connectionId, ofOne);
    if (written !== undefined) return written;
    const stored = await reads.connection(connectionId);
    if (stored === undefined) return undefined;
    const stranger = asking.find((dag) => !isWithinReach(stored.team, [dag.team]));
    if (stranger !== undefined || !isWithinReach(stored.team, asking.map((dag) => dag.team))) throw new Error(outOfReach('connection', connectionId, stranger?.dagId ?? '', stranger?.team ?? null));
    const { connType, host, port, login, schema, passwordEncrypted } = stored;
    return { connType, host, port, login, schema, password: passwordEncrypted === null ? null : secrets.open(passwordEncrypted, `connection/${connectionId}/password`) };
  };
}
