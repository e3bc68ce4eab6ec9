/** A claim by its name, or by a path with dots, as `realm_access.roles` of Keycloak. */
export function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/**
 * Roles for the groups a provider tells. @param map `group=Role` or `group=Role@team` each; the last `=` divides, since names of groups may hold one
 * @param otherwise roles of those none of whose groups is in the map
 */
export function rolesFrom(told: unknown, map: readonly string[], otherwise: readonly string[]): readonly string[] {
  const groups = new Set((Array.isArray(told) ? told : [told]).filter((group): group is string => typeof group === 'string'));
  const roles = map.flatMap((line) => {
    const at = line.lastIndexOf('=');
    return at > 0 && groups.has(line.slice(0, at).trim()) ? [line.slice(at + 1).trim()] : [];
  }).filter((role) => role !== '');
  return roles.length > 0 ? [...new Set(roles)] : otherwise;
}
