import argon2 from 'argon2';

/** OWASP's argon2id parameters of 2023 for 19 MiB. */
const PARAMETERS = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

export function hashPassword(password: string): Promise<string> {
  return argon2.hash(password, PARAMETERS);
}

/** Takes as long for users that do not exist, so that nobody can tell them by time. */
export async function verifyPassword(hash: string | null, password: string): Promise<boolean> {
  if (hash === null) {
    nobodysHash ??= hashPassword('nobody has this password');
    await argon2.verify(await nobodysHash, password);
    return false;
  }
  return argon2.verify(hash, password);
}

let nobodysHash: Promise<string> | undefined;
