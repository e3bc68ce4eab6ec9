import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { MillraceError } from '@millrace/vocabulary';

const KEY_ID = 'k1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Keeps secrets at rest: AES-256-GCM, a random nonce each time, bound to where the secret stands, so that a ciphertext copied to
 * another row does not open. Stored as `keyid:nonce:ciphertext`, base64url; the key id is for rotation.
 * The key is derived from `security.internal_token`: whoever changes that token has to enter the secrets again.
 */
export class SecretBox {
  readonly #key: Uint8Array;

  constructor(internalToken: string) {
    this.#key = new Uint8Array(hkdfSync('sha256', internalToken, '', 'millrace secrets v1', 32));
  }

  /** @param place what the secret belongs to, e.g. `connection/warehouse/password`. */
  seal(plain: string, place: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(place));
    const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${KEY_ID}:${nonce.toString('base64url')}:${sealed.toString('base64url')}`;
  }

  /** @throws MillraceError `unavailable` when the key is another one or the text was tampered with. */
  open(stored: string, place: string): string {
    const [keyId, nonce, sealed] = stored.split(':');
    try {
      if (keyId !== KEY_ID || nonce === undefined || sealed === undefined) throw new Error('unknown key');
      const bytes = Buffer.from(sealed, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', this.#key, Buffer.from(nonce, 'base64url')).setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
    } catch {
      throw new MillraceError('unavailable', `the secret of ${place} cannot be read: it was written with another security.internal_token, or changed by hand; enter it again`);
    }
  }
}
