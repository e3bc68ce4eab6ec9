import { SECRET_KINDS, countSecrets, replaceSecret, secretsAfter, writeAudit } from '@millrace/persistence';
import type { Database } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import type { SecretBox } from './secret-box.js';

export interface RotationProgress {
  readonly done: number;
  readonly total: number;
}

export interface RotationReport {
  /** Put under the current key by this call. */
  readonly moved: number;
  /** Under it already. */
  readonly current: number;
  /** Names of secrets that no key of the ring opens, e.g. `variable/x`. They were left as they are. */
  readonly unreadable: readonly string[];
}

const BATCH = 100;

/**
 * Puts every stored secret under the key that encrypts now. Each is replaced by itself, and only when nobody wrote it meanwhile, so that it may be
 * killed and run again at any time, and services go on: they open what is under any key of the ring.
 */
export async function rotateSecrets(database: Database, secrets: SecretBox, onProgress: (progress: RotationProgress) => void = () => {}): Promise<RotationReport> {
  const { pool } = database;
  const total = (await Promise.all(SECRET_KINDS.map((kind) => countSecrets(pool, kind)))).reduce((sum, count) => sum + count, 0);
  let [moved, current, done] = [0, 0, 0];
  const unreadable: string[] = [];
  for (const kind of SECRET_KINDS) {
    for (let after = ''; ; ) {
      const batch = await secretsAfter(pool, kind, after, BATCH);
      for (const { id, place, sealed } of batch) {
        done++;
        try {
          const resealed = secrets.reseal(sealed, place);
          if (resealed === null) current++;
          // Somebody wrote it meanwhile: with the current key, or a restart of what still had the old ring is missing and the next call finds it.
          else if (await replaceSecret(pool, kind, id, sealed, resealed)) moved++;
        } catch (error) {
          if (!(error instanceof MillraceError)) throw error;
          unreadable.push(place);
        }
      }
      if (batch.length === 0) break;
      after = batch.at(-1)!.id;
      onProgress({ done, total: Math.max(total, done) });
    }
  }
  await writeAudit(pool, { event: 'rotate_secrets', actor: null, extra: { key: secrets.currentKeyId, moved, unreadable } });
  return { moved, current, unreadable };
}
