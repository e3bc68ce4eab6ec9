import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { MillraceError } from '@millrace/vocabulary';

/** Of the key that is derived from the internal token. */
const DERIVED_ID = 'k1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** One key of the ring. Several may share the id of derived keys: which of them fits shows when it opens. */
interface Key {
  readonly id: string;
  readonly bytes: Uint8Array;
}

export interface SecretKeys {
  readonly internalToken: string;
  /** Internal tokens of before, newest first. */
  readonly previousInternalTokens?: readonly string[];
  /** `id=key`, 32 bytes in base64 or base64url each; the first encrypts. Empty: the key derived from the internal token does. */
  readonly secretKeys?: readonly string[];
}

/**
 * Keeps secrets at rest: AES-256-GCM, a random nonce each time, bound to where the secret stands, so that a ciphertext copied to
 * another row does not open. Stored as `keyid:nonce:ciphertext`, base64url. The first key of the ring encrypts, every key of it decrypts, so
 * that a new one can come in while secrets are still under the old one.
 */
export class SecretBox {
  readonly #ring: readonly Key[];

  /** @throws MillraceError `invalid` that names the key and what is wrong with it, never the key itself */
  constructor(keys: SecretKeys) {
    const named = (keys.secretKeys ?? []).map(keyOf);
    const twice = named.find((key, at) => named.findIndex((other) => other.id === key.id) !== at);
    if (twice !== undefined) throw new MillraceError('invalid', `security.secret_keys: the id "${twice.id}" is there twice`);
    const derived = [keys.internalToken, ...(keys.previousInternalTokens ?? [])].map((token) => ({ id: DERIVED_ID, bytes: new Uint8Array(hkdfSync('sha256', token, '', 'millrace secrets v1', KEY_BYTES)) }));
    this.#ring = [...named, ...derived];
  }

  /** Id of the key that encrypts. */
  get currentKeyId(): string {
    return this.#ring[0]!.id;
  }

  /** @param place what the secret belongs to, e.g. `connection/warehouse/password`. */
  seal(plain: string, place: string): string {
    const { id, bytes } = this.#ring[0]!;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', bytes, nonce).setAAD(Buffer.from(place));
    const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${id}:${nonce.toString('base64url')}:${sealed.toString('base64url')}`;
  }

  /** @throws MillraceError `unavailable` when its key is not in the ring or the text was tampered with. */
  open(stored: string, place: string): string {
    const { plain, keyId } = this.#tryOpen(stored, place);
    if (plain !== null) return plain;
    throw new MillraceError('unavailable', `the secret of ${place} cannot be read: it was written with key "${keyId}", which is not among security.secret_keys, or with another security.internal_token, or was changed by hand; add the key, or enter it again`);
  }

  /** The same secret under the key that encrypts now; null: it is under it already. @throws MillraceError `unavailable` as `open` does */
  reseal(stored: string, place: string): string | null {
    const { plain, isCurrent } = this.#tryOpen(stored, place);
    if (plain === null) return this.seal(this.open(stored, place), place);
    return isCurrent ? null : this.seal(plain, place);
  }

  #tryOpen(stored: string, place: string): { readonly plain: string | null; readonly isCurrent: boolean; readonly keyId: string } {
    const [keyId = '', nonce = '', sealed = ''] = stored.split(':');
    for (const key of this.#ring) {
      if (key.id !== keyId) continue;
      try {
        const bytes = Buffer.from(sealed, 'base64url');
        const decipher = createDecipheriv('aes-256-gcm', key.bytes, Buffer.from(nonce, 'base64url')).setAAD(Buffer.from(place));
        decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
        return { plain: Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8'), isCurrent: key === this.#ring[0], keyId };
      } catch {
        // Another key of the same id may fit.
      }
    }
    return { plain: null, isCurrent: false, keyId };
  }
}

function keyOf(text: string): Key {
  const at = text.indexOf('=');
  const id = at < 0 ? '' : text.slice(0, at).trim();
  if (!/^[\w-]{1,40}$/.test(id) || id === DERIVED_ID) throw new MillraceError('invalid', `security.secret_keys: each key is written id=key, the id of letters, digits, "_" and "-", and not ${DERIVED_ID}${id === '' ? '' : ` (got the id "${id.slice(0, 40)}")`}`);
  const bytes = Buffer.from(text.slice(at + 1).trim(), 'base64');
  if (bytes.length !== KEY_BYTES) throw new MillraceError('invalid', `security.secret_keys: key "${id}" has ${bytes.length} bytes, not ${KEY_BYTES}; make one with: openssl rand -base64 32`);
  return { id, bytes };
}
