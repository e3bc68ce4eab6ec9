import { SecretBox } from '@millrace/access';
import type { EmbeddedPostgres } from '@millrace/embedded-postgres';
import { ConnectionEntity, openEntities } from '@millrace/persistence';

/** The connection the examples load their tables through. */
const CONNECTION_ID = 'etl_db';
const GUEST = 'etl';

/**
 * Gives the examples a database apart from Millrace's own, and the connection `etl_db` to it. Port and password are new at each
 * start; a connection that somebody pointed elsewhere stays as it is.
 */
export async function giveExamplesDatabase(postgres: EmbeddedPostgres, internalToken: string): Promise<void> {
  const guest = await postgres.createGuest(GUEST);
  const entities = await openEntities(postgres.url, 'millrace-standalone');
  try {
    const connections = entities.getRepository(ConnectionEntity);
    const present = await connections.findOneBy({ connectionId: CONNECTION_ID });
    if (present !== null && (present.login !== GUEST || present.host !== guest.host)) return;
    await connections.save({
      connectionId: CONNECTION_ID, connType: 'postgres', description: 'Database of the examples, made by millrace standalone at each start.',
      host: guest.host, port: guest.port, login: guest.user, schemaName: guest.database, extraEncrypted: null, team: null,
      passwordEncrypted: new SecretBox({ internalToken }).seal(guest.password, `connection/${CONNECTION_ID}/password`),
    });
  } finally {
    await entities.destroy();
  }
}
