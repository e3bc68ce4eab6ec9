import type { SecretBox } from '@millrace/access';
import type { AttemptReads } from '@millrace/persistence';
import type { AuthorizationOf } from '@millrace/scheduling';

/** A connection as the header that authorises a request: its login and password as Basic, a password without login as Bearer. */
export function externalAuthorization(reads: AttemptReads, secrets: SecretBox): AuthorizationOf {
  return async (connectionId): Promise<Readonly<Record<string, string>>> => {
    const connection = await reads.connection(connectionId);
    if (connection === undefined) throw new Error(`there is no connection "${connectionId}"`);
    if (connection.passwordEncrypted === null) return {};
    const password = secrets.open(connection.passwordEncrypted, `connection/${connectionId}/password`);
    const { login } = connection;
    return { authorization: login === null || login === '' ? `Bearer ${password}` : `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}` };
  };
}
