import type { DagPlace } from '@millrace/persistence';
import { isAllowed, refusal } from './authorize.js';
import type { Actor } from './authorize.js';
import { fitsPattern } from './permissions.js';
import type { Action, Permissions, Reach, ResourceKind } from './permissions.js';

/** To which things an actor may do something. */
export interface Scope {
  /** Ids of dags; null: all, also such as come later. */
  readonly dagIds: readonly string[] | null;
  /** Whose pools, variables and connections; null: everybody's, and those of no team. */
  readonly teams: readonly string[] | null;
  hasDag(dagId: string): boolean;
}

/** A new dag, or one that changed its team, is seen this late. */
const KNOWN_MS = 1_000;

/** For what acts on behalf of no person. */
export const EVERYTHING: Scope = { dagIds: null, teams: null, hasDag: () => true };

/** Which dags an actor reaches. Nothing is read for those who reach all; for the others the list of dags is read once a second. */
export class DagScopes {
  #places: { readonly list: Promise<readonly DagPlace[]>; readonly untilMs: number } | null = null;

  constructor(private readonly readPlaces: () => Promise<readonly DagPlace[]>) {}

  /** @throws MillraceError `forbidden` when the actor may not do this to anything, or not to that dag: in the same words whether it exists or not. */
  async allowed(actor: Actor, action: Action, kind: ResourceKind, dagId?: string): Promise<Scope> {
    if (!isAllowed(actor, action, kind)) throw refusal(actor, action, kind, dagId);
    const scope = await this.#scope(actor.layers.map((layer: Permissions) => layer.reach(action, kind)));
    if (dagId !== undefined && !scope.hasDag(dagId)) throw refusal(actor, action, kind, dagId);
    return scope;
  }

  async #scope(reaches: readonly Reach[]): Promise<Scope> {
    const limits = reaches.filter((reach) => reach !== 'all');
    if (limits.length === 0) return EVERYTHING;
    const places = await this.#known();
    const dagIds = places.filter((place) => limits.every((limit) => limit.dags.some((pattern) => fitsPattern(pattern, place.dag_id)) || (place.team !== null && limit.teams.includes(place.team)))).map((place) => place.dag_id);
    const teams = limits.map((limit) => limit.teams).reduce((common, next) => common.filter((team) => next.includes(team)));
    const known = new Set(dagIds);
    return { dagIds, teams: [...new Set(teams)], hasDag: (dagId) => known.has(dagId) };
  }

  #known(): Promise<readonly DagPlace[]> {
    const now = performance.now();
    if (this.#places === null || this.#places.untilMs <= now) {
      const list = this.readPlaces();
      this.#places = { list, untilMs: now + KNOWN_MS };
      list.catch(() => {
        this.#places = null;
      });
    }
    return this.#places.list;
  }
}
