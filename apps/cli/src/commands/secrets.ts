import { rotateSecrets, secretBoxOf } from '@millrace/access';
import { loadConfiguration } from '@millrace/configuration';
import { openDatabase } from '@millrace/persistence';
import { reachDatabase } from '../database/reach-database.js';
import { print, tell } from '../output/terminal.js';

/** Puts stored secrets under the first key of security.secret_keys. Exit code 1 when some could not be read. */
export async function rotateStoredSecrets(): Promise<number> {
  const config = loadConfiguration({ needs: ['security.internal_token'] });
  const secrets = secretBoxOf(config);
  const database = openDatabase(config, 'millrace-secrets-rotate');
  try {
    tell(`everything under key "${secrets.currentKeyId}"; it may be stopped and run again at any time`);
    const report = await reachDatabase(database.options.url, () => rotateSecrets(database, secrets, ({ done, total }) => tell(`${done} of ${total}`)));
    print(`moved: ${report.moved}, under key "${secrets.currentKeyId}" already: ${report.current}\n`);
    if (report.unreadable.length === 0) return 0;
    tell(`no key opens these, they are as they were: ${report.unreadable.join(', ')}. Name the key they are under in security.secret_keys (or the internal token of then in security.previous_internal_tokens), or enter them again.`);
    return 1;
  } finally {
    await database.stop();
  }
}
