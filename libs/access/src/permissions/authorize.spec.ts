import { describe, expect, it } from 'vitest';
import { authorize, isAllowed } from './authorize.js';
import type { Action, ResourceKind } from './authorize.js';

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
    expect(isAllowed({ name: 'x', role }, action, { kind })).toBe(allowed);
  });

  it('says who may not do what', () => {
    expect(() => authorize({ name: 'eve', role: 'Viewer' }, 'create', { kind: 'dag_run', dagId: 'etl' })).toThrow('User "eve" (role Viewer) may not create dag run of dag "etl"');
  });
});
