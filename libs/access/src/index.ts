export { ROLES, authorize, isAllowed } from './permissions/authorize.js';
export type { Action, Actor, Resource, ResourceKind, Role } from './permissions/authorize.js';
export { MASK, isSensitiveName, maskJsonText, maskSensitive } from './secrets/masked-secrets.js';
export { SecretBox } from './secrets/secret-box.js';
export { AccessTokens } from './tokens/access-tokens.js';
export type { TokenClaims } from './tokens/access-tokens.js';
export { bearerOf, isInternalToken } from './tokens/internal-token.js';
export { Users, auditRunner } from './users/users.js';
export type { KnownUser } from './users/users.js';
