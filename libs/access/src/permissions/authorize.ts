import { MillraceError } from '@millrace/vocabulary';
import type { Action, Permissions, ResourceKind } from './permissions.js';

/** Who asks. */
export interface Actor {
  readonly name: string;
  /** As told in messages: names of the roles. */
  readonly role: string;
  /** Each layer must allow: the user's roles, and what the token they came with was made for. */
  readonly layers: readonly Permissions[];
  /** The program's token this actor came with; null: logged in. */
  readonly apiToken: string | null;
}

/**
 * Whether the actor may do this to something of that kind at all; to which, {@link DagScopes} tells.
 * Pure; what nobody granted is denied.
 */
export function isAllowed(actor: Actor, action: Action, kind: ResourceKind): boolean {
  return actor.layers.length > 0 && actor.layers.every((layer) => {
    const reach = layer.reach(action, kind);
    return reach === 'all' || reach.dags.length > 0 || reach.teams.length > 0;
  });
}

/** Whether the actor may do this to everything of that kind. */
export function isAllowedEverywhere(actor: Actor, action: Action, kind: ResourceKind): boolean {
  return actor.layers.length > 0 && actor.layers.every((layer) => layer.reach(action, kind) === 'all');
}

/** The refusal, which names action and thing and not whether it exists. */
export function refusal(actor: Actor, action: Action, kind: ResourceKind, dagId?: string): MillraceError {
  const what = `${kind.replaceAll('_', ' ')}${dagId === undefined ? '' : ` of dag "${dagId}"`}`;
  return new MillraceError('forbidden', `User "${actor.name}" (role ${actor.role}${actor.apiToken === null ? '' : `, token "${actor.apiToken}"`}) may not ${action} ${what}`);
}
