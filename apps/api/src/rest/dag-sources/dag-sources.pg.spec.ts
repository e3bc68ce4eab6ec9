import { createHash } from 'node:crypto';
import { DagSourceDesk } from '@millrace/scheduling';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRig } from '../../testing/api-rig.js';
import type { Answer } from '../../testing/api-rig.js';

const DOCUMENTS = '/api/millrace/v1/dag-documents';
const BUNDLES = '/api/millrace/v1/bundles';
const YAML = { 'content-type': 'application/yaml' };
const document = (dagId: string, more = '') => `dag: ${dagId}\n${more}tasks: [{ id: only, operator: empty }]\n`;
const sha = (text: string) => createHash('sha256').update(text).digest('hex');

let rig: ApiRig;
/** Stands for the dag-processor: takes what is to be checked, and tells of each `*.dag.yaml` the dag it says it is, or that it is bad. */
let desk: DagSourceDesk;
beforeAll(async () => {
  rig = await ApiRig.open();
  desk = new DagSourceDesk(rig.migrated.database, rig.publication);
  await rig.publish('owned.ts', [{ format: 1, dagId: 'owned', tasks: [{ taskId: 'a', operator: 'EmptyOperator' }] }]);
});
afterAll(() => rig[Symbol.asyncDispose]());

async function checkNext(processor = 'p'): Promise<void> {
  const taken = await desk.take(processor, 20_000);
  if (taken === null) throw new Error('nothing is to be checked');
  const contents = new Map((await desk.readFiles(taken.files.map((file) => file.hash))).map(({ hash, content }) => [hash, content.toString('utf8')]));
  for (const { path, hash } of taken.files.filter((file) => file.path.endsWith('.dag.yaml'))) {
    const source = contents.get(hash) ?? '';
    const dagIds = [...source.matchAll(/^dag: (\S+)/gm)].map((match) => match[1]!);
    const isBad = source.includes('# bad');
    const bundle = Buffer.from(`// ${source}`);
    await desk.tell(taken.sourceId, taken.revision, processor, {
      bundleName: taken.name, relativeFileloc: path.replace(/^dags\//, ''), fileloc: path, bundleHash: isBad ? '' : sha(bundle.toString()), bundle, source,
      dagDocuments: dagIds.map((dagId) => JSON.stringify({ format: 1, dagId, description: source, tasks: [{ taskId: 'only', operator: 'EmptyOperator' }] })),
      importError: isBad ? { stackTrace: `${path}:3:7: bad it is`, filename: path, line: 3 } : null, parseDurationMs: 5,
    });
  }
  expect(await desk.finish(taken.sourceId, taken.revision, processor, '')).toBe(true);
}

/** Sends, and checks meanwhile. */
async function send(method: string, path: string, text: string, headers: Record<string, string> = {}): Promise<Answer> {
  const [answer] = await Promise.all([rig.call(method, `${path}?wait=60`, { body: text, headers: { ...YAML, ...headers } }), checkNext()]);
  return answer;
}

describe('a document', () => {
  it('is created, sent again without effect, replaced by who read it last, read and deleted', async () => {
    expect(await send('POST', DOCUMENTS, document('sent'))).toMatchObject({ status: 201, body: { dag_id: 'sent', revision: 1, state: 'active' } });
    expect(await rig.call('POST', DOCUMENTS, { body: document('sent'), headers: YAML })).toMatchObject({ status: 200, body: { revision: 1 } });
    expect(await rig.call('POST', DOCUMENTS, { body: document('sent', '# other\n'), headers: YAML })).toMatchObject({ status: 409, body: { detail: expect.stringContaining('If-Match: "1"') as string } });
    expect((await rig.call('PUT', `${DOCUMENTS}/sent`, { body: document('sent', '# other\n'), headers: YAML })).status).toBe(428);
    expect((await rig.call('PUT', `${DOCUMENTS}/sent`, { body: document('sent', '# other\n'), headers: { ...YAML, 'if-match': '"7"' } })).status).toBe(412);
    expect((await rig.call('PUT', `${DOCUMENTS}/sent`, { body: document('else'), headers: { ...YAML, 'if-match': '"1"' } })).status).toBe(422);
    expect((await rig.call('PUT', `${DOCUMENTS}/sent`, { body: document('sent'), headers: { ...YAML, 'if-match': 'soon' } })).status).toBe(400);
    expect(await send('PUT', `${DOCUMENTS}/sent`, document('sent', '# other\n'), { 'if-match': '"1"' })).toMatchObject({ status: 200, body: { revision: 2, state: 'active' } });
    // The answer was lost, and the same is sent again.
    expect(await rig.call('PUT', `${DOCUMENTS}/sent`, { body: document('sent', '# other\n'), headers: { ...YAML, 'if-match': '"1"' } })).toMatchObject({ status: 200, body: { revision: 2 } });
    const read = await rig.get(`${DOCUMENTS}/sent`);
    expect([read.headers.get('etag'), read.body.content]).toEqual(['"2"', document('sent', '# other\n')]);
    expect((await rig.get(`${DOCUMENTS}/sent`, { headers: { accept: 'application/yaml' } })).body).toBe(document('sent', '# other\n'));
    const versions = await rig.get('/api/v2/dags/sent/dagVersions');
    expect(versions.body.dag_versions.map((version: { version_number: number; bundle_name: string; bundle_version: string }) => [version.version_number, version.bundle_name, version.bundle_version])).toEqual([[1, 'documents', '1'], [2, 'documents', '2']]);
    expect((await rig.call('DELETE', `${DOCUMENTS}/sent`, { headers: { 'if-match': '"1"' } })).status).toBe(412);
    expect((await rig.call('DELETE', `${DOCUMENTS}/sent`)).status).toBe(204);
    expect((await rig.call('DELETE', `${DOCUMENTS}/sent`)).status).toBe(404);
    expect((await rig.sql(`select is_stale from dag where dag_id = 'sent'`))[0]).toEqual({ is_stale: true });
    // Never numbered twice: who still holds "2" must not replace what came after.
    expect(await send('POST', DOCUMENTS, document('sent'))).toMatchObject({ status: 201, body: { revision: 3 } });
    const log = await rig.sql(`select event, actor from audit_log where dag_id = 'sent' and event like '%_dag_document' order by id`);
    expect(log).toEqual([...['create', 'replace', 'delete', 'create'].map((what) => ({ event: `${what}_dag_document`, actor: 'admin' }))]);
  });

  it('that cannot be read is told, in the list too, and is not taken for one that does not exist', async () => {
    expect((await send('POST', DOCUMENTS, document('unread'))).status).toBe(201);
    await rig.sql('alter table dag_source_revision rename column problems to problems_elsewhere');
    try {
      expect((await rig.get(DOCUMENTS)).status).toBe(500);
      expect((await rig.call('PUT', `${DOCUMENTS}/unread`, { body: document('unread', '# other\n'), headers: YAML })).status).toBe(500);
      expect(rig.logged.join('\n')).toContain('a request failed');
    } finally {
      await rig.sql('alter table dag_source_revision rename column problems_elsewhere to problems');
    }
    expect((await rig.get(DOCUMENTS)).body.dag_documents.map((one: { dag_id: string }) => one.dag_id)).toContain('unread');
    expect((await rig.call('DELETE', `${DOCUMENTS}/unread`)).status).toBe(204);
  });

  it('that fails is refused with path and expectation, and what was active stays', async () => {
    expect(await rig.call('POST', DOCUMENTS, { body: { dag: 'typed', tasks: [{ id: 'a', operator: 'bash', options: { bashCommand: 5 } }] } })).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'tasks[0].options.bashCommand'], msg: 'expected the command, a text, got 5' }] } });
    expect(await rig.call('POST', DOCUMENTS, { body: 'dag: [', headers: YAML })).toMatchObject({ status: 422, body: { detail: [{ msg: expect.stringMatching(/^1:7: no valid YAML/) as string }] } });
    expect((await rig.call('POST', DOCUMENTS, { body: 'text', headers: { 'content-type': 'image/png' } })).status).toBe(415);
    expect((await rig.call('POST', DOCUMENTS)).status).toBe(422);
    expect((await send('POST', DOCUMENTS, document('stays'))).status).toBe(201);
    const refused = await send('PUT', `${DOCUMENTS}/stays`, document('stays', '# bad\n'), { 'if-match': '"1"' });
    expect(refused).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', '3:7'], msg: expect.stringContaining('bad it is') as string }] } });
    expect((await rig.get(`${DOCUMENTS}/stays`)).body).toMatchObject({ revision: 1, state: 'active' });
    expect(await send('PUT', `${DOCUMENTS}/stays`, document('stays', '# good\n'), { 'if-match': '"1"' })).toMatchObject({ status: 200, body: { revision: 3 } });
  });

  it('of a dag that a folder has is refused, and is told when it is only checked', async () => {
    const detail = 'dag "owned" belongs to the file owned.ts of bundle "dags"; give the document another dag id, or remove the dag there';
    expect(await rig.call('POST', DOCUMENTS, { body: document('owned'), headers: YAML })).toMatchObject({ status: 409, body: { detail } });
    expect(await send('POST', `${DOCUMENTS}/validate`, document('owned'))).toMatchObject({ status: 200, body: { valid: false, problems: [{ message: detail }] } });
    expect(await send('POST', `${DOCUMENTS}/validate`, document('checked'))).toMatchObject({ status: 200, body: { valid: true, problems: [] } });
    expect(await rig.call('POST', `${DOCUMENTS}/validate`, { body: document('checked', 'retries: 1\n'), headers: YAML })).toMatchObject({ status: 200, body: { valid: false, problems: [{ path: 'retries', line: 2 }] } });
    expect((await rig.get(`${DOCUMENTS}/checked`)).status).toBe(404);
    // The other way round: a folder cannot take what a document has.
    expect((await send('POST', DOCUMENTS, document('mine'))).status).toBe(201);
    expect((await rig.publish('mine.ts', [{ format: 1, dagId: 'mine', tasks: [] }])).refused).toContain('dag id "mine" is used by two files: documents/mine.dag.yaml');
  });

  it('is kept while no processor is there, goes to another when one is silent, and to one alone', async () => {
    expect(await rig.call('POST', `${DOCUMENTS}?wait=0`, { body: document('waits'), headers: YAML })).toMatchObject({ status: 202, body: { state: 'checking' } });
    const first = await desk.take('silent', 0);
    expect([first?.name, await desk.take('other', 0)]).toEqual(['waits', null]);
    await rig.sql(`update dag_source_revision set taken_at = now() - interval '2 minutes' where taken_by = 'silent'`);
    await checkNext('other');
    expect(await desk.finish(first!.sourceId, first!.revision, 'silent', 'too late')).toBe(false);
    expect((await rig.get(`${DOCUMENTS}/waits`)).body).toMatchObject({ state: 'active' });
  });

  it('is too large, or sent by somebody who may not', async () => {
    expect((await rig.call('POST', DOCUMENTS, { body: `# ${'x'.repeat(1_100_000)}`, headers: YAML })).status).toBe(413);
    expect((await rig.call('POST', DOCUMENTS, { body: document('nobody'), headers: YAML, token: null })).status).toBe(401);
    await rig.sql(`insert into app_user (name, password_hash, role) select 'viewer', password_hash, 'Viewer' from app_user where name = 'admin'`);
    const token = await rig.login('viewer');
    expect((await rig.call('POST', DOCUMENTS, { body: document('nobody'), headers: YAML, token })).status).toBe(403);
    expect((await rig.call('POST', `${BUNDLES}/x/deployments`, { body: { files: [] }, token })).status).toBe(403);
    expect((await rig.get(DOCUMENTS, { token })).status).toBe(200);
  });

  it('has a schema that everybody may read', async () => {
    const { status, body } = await rig.get('/api/millrace/v1/schemas/dag-file.json', { token: null });
    expect([status, body.title]).toEqual([200, 'Millrace dag file']);
  });
});

describe('a deployment', () => {
  const deploy = async (files: Readonly<Record<string, string>>, more: object = {}, bundle = 'team'): Promise<Answer> => {
    const begun = await rig.call('POST', `${BUNDLES}/${bundle}/deployments`, { body: { files: Object.entries(files).map(([path, text]) => ({ path, sha256: sha(text), size: text.length })), ...more } });
    if (begun.status !== 201) return begun;
    for (const text of Object.values(files)) {
      if (!begun.body.missing.includes(sha(text))) continue;
      const put = await rig.call('PUT', `${BUNDLES}/${bundle}/files/${sha(text)}`, { body: text, headers: { 'content-type': 'application/octet-stream' } });
      if (put.status !== 204) return put;
    }
    const checked = await rig.call('POST', `${BUNDLES}/${bundle}/deployments/${begun.body.revision}/check`);
    if (checked.status !== 202) return checked;
    await checkNext();
    return rig.get(`${BUNDLES}/${bundle}/deployments/${begun.body.revision}?wait=60`);
  };
  const states = async () => Object.fromEntries((await rig.sql<{ dag_id: string; is_stale: boolean }>(`select dag_id, is_stale from dag where bundle_name = 'team' order by 1`)).map((row) => [row.dag_id, row.is_stale ? 'stale' : 'there']));

  it('becomes active as a whole, says what changed, and is gone back from', async () => {
    const one = { 'dags/a.dag.yaml': document('team_a'), 'dags/b.dag.yaml': document('team_b'), 'dags/help.sql': 'select 1' };
    expect(await deploy(one, { note: 'first' })).toMatchObject({ status: 200, body: { revision: 1, state: 'active', note: 'first', files: 3, changes: { added: ['team_a', 'team_b'], changed: [], removed: [] } } });
    const two = { 'dags/a.dag.yaml': document('team_a', '# 2\n'), 'dags/c.dag.yaml': document('team_c') };
    expect(await deploy(two)).toMatchObject({ body: { revision: 2, state: 'active', changes: { added: ['team_c'], changed: ['team_a'], removed: ['team_b'] } } });
    expect(await states()).toEqual({ team_a: 'there', team_b: 'stale', team_c: 'there' });
    expect(await rig.call('POST', `${BUNDLES}/team/rollback`)).toMatchObject({ status: 200, body: { revision: 1, state: 'active', changes: { added: ['team_b'], changed: ['team_a'], removed: ['team_c'] } } });
    expect(await states()).toEqual({ team_a: 'there', team_b: 'there', team_c: 'stale' });
    expect(await rig.call('POST', `${BUNDLES}/team/deployments/2/activate`)).toMatchObject({ status: 200, body: { revision: 2, state: 'active' } });
    expect((await rig.get(`${BUNDLES}/team/deployments`)).body.deployments.map((one: { revision: number; state: string }) => [one.revision, one.state])).toEqual([[2, 'active'], [1, 'ready']]);
  });

  it('with any error changes nothing; one that is only checked waits to be made active', async () => {
    const before = await states();
    expect(await deploy({ 'dags/a.dag.yaml': document('team_a', '# 3\n'), 'dags/d.dag.yaml': document('team_d', '# bad\n') })).toMatchObject({ body: { state: 'refused', problems: [{ message: expect.stringContaining('bad it is') as string, line: 3 }] } });
    expect(await deploy({ 'dags/a.dag.yaml': document('team_a', '# 3\n'), 'dags/o.dag.yaml': document('owned') })).toMatchObject({ body: { state: 'refused', problems: [{ message: expect.stringContaining('dag id "owned" is used by two files: dags/owned.ts') as string }] } });
    expect(await deploy({ 'dags/x.dag.yaml': document('team_x'), 'dags/y.dag.yaml': document('team_x', '# y\n') })).toMatchObject({ body: { state: 'refused', problems: [{ message: expect.stringContaining('dag id "team_x" is used by two files: x.dag.yaml and y.dag.yaml') as string }] } });
    expect(await deploy({ 'dags/readme.md': 'nothing' })).toMatchObject({ body: { state: 'refused', problems: [{ message: 'no dag file was found' }] } });
    const checked = await deploy({ 'dags/a.dag.yaml': document('team_a', '# 4\n') }, { activate: false });
    expect(checked).toMatchObject({ body: { state: 'ready', changes: { changed: ['team_a'], removed: ['team_c'] } } });
    expect(await states()).toEqual(before);
    expect((await rig.call('POST', `${BUNDLES}/team/deployments/${checked.body.revision - 1}/activate`)).status).toBe(409);
    expect(await rig.call('POST', `${BUNDLES}/team/deployments/${checked.body.revision}/activate`)).toMatchObject({ status: 200, body: { state: 'active' } });
    expect(await states()).toEqual({ ...before, team_c: 'stale' });
  });

  it.each<[what: string, bundle: string, files: object[], status: number, says: RegExp]>([
    ['paths that lead out', 'team', [{ path: 'dags/../../x', sha256: sha(''), size: 0 }], 422, /no relative path/],
    ['paths elsewhere', 'team', [{ path: 'etc/x', sha256: sha(''), size: 0 }], 422, /must be below dags/],
    ['a file twice', 'team', [{ path: 'dags/x', sha256: sha(''), size: 0 }, { path: 'dags/x', sha256: sha(''), size: 0 }], 422, /named twice/],
    ['no hash', 'team', [{ path: 'dags/x', sha256: 'abc', size: 0 }], 422, /expected a sha-256/],
    ['no files', 'team', [], 422, /at least one file/],
    ['the documents’ name', 'documents', [{ path: 'dags/x', sha256: sha(''), size: 0 }], 422, /bundle of documents/],
    ['a folder’s name', 'dags', [{ path: 'dags/x', sha256: sha(''), size: 0 }], 409, /a dags folder that a dag-processor watches/],
  ])('is refused for %s', async (_, bundle, files, status, says) => {
    const answer = await rig.call('POST', `${BUNDLES}/${bundle}/deployments`, { body: { files } });
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.body)).toMatch(says);
  });

  it('takes only what it announced', async () => {
    const begun = await rig.call('POST', `${BUNDLES}/team/deployments`, { body: { files: [{ path: 'dags/new.txt', sha256: sha('new'), size: 3 }] } });
    expect(await rig.call('POST', `${BUNDLES}/team/deployments/${begun.body.revision}/check`)).toMatchObject({ status: 409, body: { detail: expect.stringContaining('dags/new.txt') as string } });
    expect((await rig.call('PUT', `${BUNDLES}/team/files/${sha('new')}`, { body: 'other', headers: { 'content-type': 'application/octet-stream' } })).status).toBe(422);
    expect((await rig.call('PUT', `${BUNDLES}/team/files/${sha('new')}`, { body: {} })).status).toBe(415);
    expect((await rig.get(`${BUNDLES}/nothing/deployments`)).status).toBe(404);
  });

  it('goes with its dags', async () => {
    expect((await rig.call('DELETE', `${BUNDLES}/team`)).status).toBe(204);
    expect(new Set(Object.values(await states()))).toEqual(new Set(['stale']));
  });
});
