import { MillraceError } from '@millrace/vocabulary';

/** Longest life of a log token. */
export const LOG_TOKEN_MAX_SECONDS = 60;
const LIFE_SECONDS = 30;
const ISSUER = 'millrace';
const TYPE = 'millrace-log+jwt';

export interface LogReadGrant {
  /** The one file it opens, as logPathOf gives it. */
  readonly logPath: string;
  /** `host:port` the request goes to, as the caller dials it: another server refuses the token. */
  readonly audience: string;
}

/** A token that reads exactly one log from one server for half a minute. The key is `security.internal_token`. */
export async function signLogRead(internalToken: string, grant: LogReadGrant, lifeSeconds = LIFE_SECONDS): Promise<string> {
  const { SignJWT } = await import('jose');
  return new SignJWT({ file: grant.logPath })
    .setProtectedHeader({ alg: 'HS256', typ: TYPE })
    .setIssuer(ISSUER)
    .setAudience(grant.audience)
    .setIssuedAt()
    .setExpirationTime(`${Math.min(lifeSeconds, LOG_TOKEN_MAX_SECONDS)}s`)
    .sign(keyOf(internalToken));
}

/** Whether a token opens this file on a server that answers to one of these names. */
export async function verifyLogRead(internalToken: string, token: string, logPath: string, audiences: readonly string[]): Promise<boolean> {
  const { jwtVerify } = await import('jose');
  try {
    const { payload } = await jwtVerify(token, keyOf(internalToken), {
      algorithms: ['HS256'], typ: TYPE, issuer: ISSUER, audience: [...audiences], maxTokenAge: `${LOG_TOKEN_MAX_SECONDS}s`,
      requiredClaims: ['exp', 'iat', 'file'], clockTolerance: '5s',
    });
    return payload['file'] === logPath && (payload.exp ?? 0) - (payload.iat ?? 0) <= LOG_TOKEN_MAX_SECONDS;
  } catch {
    return false;
  }
}

function keyOf(internalToken: string): Uint8Array {
  if (internalToken.length < 32) throw new MillraceError('invalid', 'security.internal_token must have at least 32 characters');
  return new TextEncoder().encode(internalToken);
}
