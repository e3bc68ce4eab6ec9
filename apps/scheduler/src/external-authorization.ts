import type { AuthorizationOf, OpenConnection } from '@millrace/scheduling';

/** A connection as the header that authorises a request: its login and password as Basic, a password without login as Bearer. */
export function externalAuthorization(openConnection: OpenConnection): AuthorizationOf {
  return async (connectionId, dag): Promise<Readonly<Record<string, string>>> => {
    const connection = await openConnection(connectionId, [dag]);
    if (connection === undefined) throw new Error(`there is no connection "${connectionId}"`);
    const { login, password } = connection;
    if (password === null) return {};
    return { authorization: login === null || login === '' ? `Bearer ${password}` : `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}` };
  };
}
