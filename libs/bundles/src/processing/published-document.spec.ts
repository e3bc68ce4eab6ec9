import { dagDocumentSchema } from '@millrace/contracts';
import { describe, expect, it } from 'vitest';
import { publishedDocument } from './published-document.js';

describe('publishedDocument', () => {
  it.each([
    ['plain', { format: 1, dagId: 'a', tasks: [{ taskId: 't', operator: '@task' }] }],
    ['empty', { format: 1, dagId: 'a' }],
    [
      'full of what differs from the defaults, and of what only looks like them',
      {
        format: 1, dagId: 'a', schedule: { kind: 'cron', expressions: ['0 0 * * *'], timezone: 'UTC' }, maxActiveRuns: 1, catchup: true, tags: ['x'], defaultArgs: { retries: 0 },
        params: { n: { value: null } }, groups: [{ groupId: 'g' }],
        tasks: [{ taskId: 't', operator: '@task', retries: 3, maxActivePerDag: 2, upstream: ['u'], fields: { a: {}, b: [], c: null }, expand: { kind: 'kwargs', over: { from: 'literal', values: {} } }, group: 'g', ignoreFirstDependsOnPast: false }, { taskId: 'u', operator: 'X', expand: { kind: 'args', args: [{ name: 'x', over: { from: 'zip', parts: [{ from: 'task', taskId: 't' }], fill: null } }] } }],
      },
    ],
  ])('gives back the whole document when it is read: %s', (_, input) => {
    const document = dagDocumentSchema.parse(input);
    expect(dagDocumentSchema.parse(JSON.parse(publishedDocument(document)))).toEqual(document);
  });

  it('leaves defaults out', () => {
    expect(publishedDocument(dagDocumentSchema.parse({ format: 1, dagId: 'a', tasks: [{ taskId: 't', operator: '@task' }] }))).toBe('{"format":1,"dagId":"a","tasks":[{"taskId":"t","operator":"@task"}]}');
  });
});
