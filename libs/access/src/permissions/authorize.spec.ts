import { describe, expect, it } from 'vitest';
import { isAllowed, refusal } from './authorize.js';
import type { Actor } from './authorize.js';
import { DagScopes } from './dag-scopes.js';
import { FIXED_ROLES } from './fixed-roles.js';
import { Permissions, fitsPattern } from './permissions.js';
import type { Action, Permission, ResourceKind } from './permissions.js';

function actorWith(...layers: readonly (readonly Permission[])[]): Actor {
  return { name: 'eve', role: 'Viewer', layers: layers.map((permissions) => new Permissions(permissions)), apiToken: null };
}

describe('who may do what', () => {
  it.each<[string, Action, ResourceKind, boolean]>([
    ['Viewer', 'read', 'dag', true],
    ['Viewer', 'read', 'task_log', true],
    ['Viewer', 'create', 'dag_run', false],
    ['Viewer', 'edit', 'dag', false],
    ['Viewer', 'read', 'connection', false],
    ['Viewer', 'read', 'variable', false],
    ['Viewer', 'read', 'config', false],
    ['User', 'create', 'dag_run', true],
    ['User', 'delete', 'dag_run', true],
    ['User', 'read', 'pool', true],
    ['User', 'edit', 'pool', false],
    ['User', 'read', 'audit_log', false],
    ['Op', 'edit', 'connection', true],
    ['Op', 'read', 'audit_log', true],
    ['Op', 'edit', 'user', false],
    ['Admin', 'delete', 'user', true],
    ['constructor', 'read', 'dag', false],
    ['', 'read', 'dag', false],
  ])('%s may %s %s: %s', (role, action, kind, allowed) => {
    expect(isAllowed(actorWith(Object.hasOwn(FIXED_ROLES, role) ? FIXED_ROLES[role]! : []), action, kind)).toBe(allowed);
  });

  it('says who may not do what', () => {
    expect(refusal(actorWith([]), 'create', 'dag_run', 'etl').message).toBe('User "eve" (role Viewer) may not create dag run of dag "etl"');
    expect(refusal({ ...actorWith([]), apiToken: 'ci' }, 'edit', 'pool').message).toBe('User "eve" (role Viewer, token "ci") may not edit pool');
  });

  it('grants nothing without a layer, and with several only what each grants', () => {
    expect(isAllowed({ name: 'x', role: '', layers: [], apiToken: null }, 'read', 'dag')).toBe(false);
    const both = actorWith(FIXED_ROLES['User']!, [{ actions: ['read'], resources: ['*'] }]);
    expect([isAllowed(both, 'read', 'dag'), isAllowed(both, 'edit', 'dag'), isAllowed(both, 'read', 'connection')]).toEqual([true, false, false]);
  });
});

describe('to which dags', () => {
  const scopes = new DagScopes(async () => [{ dag_id: 'etl_a', team: 'blue' }, { dag_id: 'etl_b', team: 'red' }, { dag_id: 'report', team: null }]);
  const idsFor = async (actor: Actor, kind: ResourceKind = 'dag') => (await scopes.allowed(actor, 'read', kind)).dagIds;

  it.each<[string, Permission[][], string[] | null]>([
    ['no limit', [[{ actions: ['read'], resources: ['dag'] }]], null],
    ['a pattern', [[{ actions: ['read'], resources: ['dag'], dags: ['etl_*'] }]], ['etl_a', 'etl_b']],
    ['a team', [[{ actions: ['*'], resources: ['*'], teams: ['red'] }]], ['etl_b']],
    ['a team and a dag', [[{ actions: ['read'], resources: ['dag'], teams: ['red'], dags: ['report'] }]], ['etl_b', 'report']],
    ['a limit in one sentence and none in another', [[{ actions: ['read'], resources: ['dag'], teams: ['red'] }, { actions: ['read'], resources: ['dag'] }]], null],
    ['two layers', [[{ actions: ['read'], resources: ['dag'], dags: ['etl_*'] }], [{ actions: ['read'], resources: ['dag'], teams: ['blue'] }]], ['etl_a']],
  ])('%s', async (_, layers, ids) => {
    expect(await idsFor(actorWith(...layers))).toEqual(ids);
  });

  it('refuses a dag outside in the same words whether it exists or not', async () => {
    const actor = actorWith([{ actions: ['read'], resources: ['dag'], teams: ['blue'] }]);
    for (const dagId of ['etl_b', 'nowhere']) await expect(scopes.allowed(actor, 'read', 'dag', dagId)).rejects.toThrow(`may not read dag of dag "${dagId}"`);
    expect((await scopes.allowed(actor, 'read', 'dag', 'etl_a')).hasDag('etl_a')).toBe(true);
  });

  it('a limit to dags grants nothing of settings, a limit to a team its settings, and neither the installation', async () => {
    const byDag = actorWith([{ actions: ['*'], resources: ['*'], dags: ['*'] }]);
    const byTeam = actorWith([{ actions: ['*'], resources: ['*'], teams: ['blue'] }]);
    expect([isAllowed(byDag, 'read', 'connection'), isAllowed(byTeam, 'read', 'connection'), isAllowed(byTeam, 'read', 'config'), isAllowed(byTeam, 'edit', 'user'), isAllowed(byTeam, 'read', 'health')]).toEqual([false, true, false, false, true]);
    expect((await scopes.allowed(byTeam, 'edit', 'connection')).teams).toEqual(['blue']);
  });

  it.each<[string, string, boolean]>([['etl', 'etl', true], ['etl', 'etl2', false], ['*', '', true], ['a*c', 'abc', true], ['a*c', 'ac', true], ['a*a', 'a', false], ['*b*d*', 'abcd', true], ['*b*a*', 'abcd', false], ['a.c', 'abc', false]])('%s fits %s: %s', (pattern, text, fits) => {
    expect(fitsPattern(pattern, text)).toBe(fits);
  });
});
