import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { OPTIONS } from '@millrace/configuration';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { kubernetesTools } from './kubernetes-tools.js';
import { parseManifests, problemsOf, run } from './manifests.js';
import type { Manifest } from './manifests.js';
import { breachesOf, danglingReferences, podSpecOf } from './policies.js';

const CHART = join(REPOSITORY_ROOT, 'k8s', 'chart');
const VALUES = join(import.meta.dirname, 'chart-values');
const CASES: readonly (readonly [string, readonly string[]])[] = [['its defaults', []], ...readdirSync(VALUES).map((file): [string, string[]] => [file, ['-f', join(VALUES, file)]])];

const tools = kubernetesTools();
if (typeof tools === 'string') console.warn(`SKIPPED: the chart is not checked. ${tools}`);

describe.skipIf(typeof tools === 'string')('the chart', { timeout: 120_000 }, () => {
  const had = typeof tools === 'string' ? null! : tools;
  const render = (args: readonly string[]): Manifest[] => parseManifests(run(had.helm, ['template', 'full', CHART, '--namespace', 'flows', ...args]));

  it.each(CASES)('with %s lints, and renders what Kubernetes takes, what our policies allow, and what fits together', (_, args) => {
    run(had.helm, ['lint', '--strict', CHART, ...args]);
    const manifests = render(args);
    expect(manifests.length).toBeGreaterThan(8);
    expect(problemsOf(manifests, had)).toEqual([]);
    expect(breachesOf(manifests)).toEqual([]);
    expect(danglingReferences(manifests)).toEqual([]);
    for (const { kind, metadata: { name } } of manifests) expect(`${kind} ${name}`).toMatch(/^\w+ [a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
    expect(new Set(manifests.map(({ kind, metadata: { name } }) => `${kind}/${name}`)).size).toBe(manifests.length);
  });

  it.each(CASES)('with %s names only configuration that exists', (_, args) => {
    const variables = new Set(Object.keys(OPTIONS).map((key) => `MILLRACE__${key.replace('.', '__').toUpperCase()}`));
    const named = render(args).flatMap((manifest) => {
      const pod = podSpecOf(manifest);
      return pod === null ? [] : [...(pod.initContainers ?? []), ...pod.containers].flatMap((container: any) => (container.env ?? []).map((each: any) => each.name as string));
    });
    expect(named.filter((name) => name.startsWith('MILLRACE__') && !variables.has(name))).toEqual([]);
  });

  it('asks and probes log-servers over TLS when services have certificates, and mounts those there', () => {
    const of = (args: readonly string[]) => {
      const manifests = render(['-f', join(VALUES, 'everything.yaml'), ...args]);
      const logServer = podSpecOf(manifests.find(({ kind, metadata: { name } }) => kind === 'StatefulSet' && name === 'full-millrace-worker-default')!)!.containers.find((container: any) => container.name === 'log-server')!;
      const urls = JSON.stringify(manifests).match(/https?:\/\/[^",]+:8795/g)!.map((url) => url.split(':')[0]);
      return { schemes: [...new Set(urls)], probes: [logServer.livenessProbe.httpGet.scheme, logServer.readinessProbe.httpGet.scheme], mounts: logServer.volumeMounts.map((mount: any) => mount.name as string), problems: problemsOf(manifests, had) };
    };
    expect(of([])).toMatchObject({ schemes: ['http'], probes: [undefined, undefined] });
    const set = ['--set', 'config.security.tls_cert_file=/tls/cert.pem', '--set', 'workers.extraVolumes[0].name=tls', '--set', 'workers.extraVolumes[0].secret.secretName=s', '--set', 'workers.extraVolumeMounts[0].name=tls', '--set', 'workers.extraVolumeMounts[0].mountPath=/tls'];
    expect(of(set)).toMatchObject({ schemes: ['https'], probes: ['HTTPS', 'HTTPS'], mounts: expect.arrayContaining(['tls']) as string[], problems: [] });
  });

  it('gives single tasks a pod that keeps our rules, has no database and no broker, and is given no token of the cluster', () => {
    const manifests = render(['-f', join(VALUES, 'everything.yaml')]);
    const template = parse(manifests.find((manifest) => manifest.metadata.name === 'full-millrace-pod-launcher-template')!['data']['pod.yaml'] as string) as Manifest;
    const pod = { ...template, apiVersion: 'v1', kind: 'Pod', metadata: { ...template.metadata, name: 'one-task' } } as Manifest;
    expect(problemsOf([pod], had)).toEqual([]);
    expect(breachesOf([pod])).toEqual([]);
    expect(JSON.stringify(pod)).not.toMatch(/DATABASE__URL|BROKER__URL/);
    const names = (pod['spec'].containers[0].env as { name: string }[]).map((each) => each.name);
    expect(names).toEqual(expect.arrayContaining(['MILLRACE__SECURITY__INTERNAL_TOKEN', 'MILLRACE__WORKER__SCHEDULER_URLS']));
    const role = manifests.find((manifest) => manifest.kind === 'Role')!;
    expect(role['rules']).toEqual([{ apiGroups: [''], resources: ['pods'], verbs: ['create', 'list', 'watch', 'delete'] }, { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] }]);
  });

  it('gives the database to api, schedulers and the migration, and to nobody who runs users\' code', () => {
    const manifests = render(['-f', join(VALUES, 'everything.yaml')]);
    const withDatabase = manifests.filter((manifest) => JSON.stringify(podSpecOf(manifest) ?? {}).includes('MILLRACE__DATABASE__URL')).map((manifest) => manifest.metadata.name).sort();
    expect(withDatabase).toEqual(['full-millrace-api', 'full-millrace-migrate-0-1-0', 'full-millrace-scheduler']);
    for (const component of ['worker', 'dag-processor']) {
      const policy = manifests.find((manifest) => manifest.kind === 'NetworkPolicy' && manifest.metadata.name === `full-millrace-${component}`)!;
      const ports = policy['spec'].egress.flatMap((rule: any) => (rule.ports ?? []).map((port: any) => port.port));
      expect(ports).not.toContain(5432);
      const open = policy['spec'].egress.filter((rule: any) => rule.ports === undefined);
      // Where a rule has no ports it leads out of the cluster only.
      for (const rule of open) expect(rule.to[0].ipBlock.except).toEqual(expect.arrayContaining(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']));
    }
  });

  it('lets a worker drain: its grace is the pod\'s less a minute', () => {
    const groups = render(['-f', join(VALUES, 'everything.yaml')]).filter((manifest) => manifest.metadata.labels?.['app.kubernetes.io/component'] === 'worker' && ['Deployment', 'StatefulSet'].includes(manifest.kind));
    expect(groups.map((group) => [group.metadata.name, group.kind, podSpecOf(group).terminationGracePeriodSeconds])).toEqual([
      ['full-millrace-worker-heavy', 'Deployment', 3_660], ['full-millrace-worker-default', 'StatefulSet', 660], ['full-millrace-worker-gpu', 'StatefulSet', 660],
    ].sort((a, b) => groups.findIndex((g) => g.metadata.name === a[0]) - groups.findIndex((g) => g.metadata.name === b[0])));
    for (const group of groups) {
      const env = Object.fromEntries(podSpecOf(group).containers[0].env.map((each: any) => [each.name, each.value]));
      expect(Number(env['MILLRACE__WORKER__DRAIN_GRACE_MS']) / 1_000 + 60).toBe(podSpecOf(group).terminationGracePeriodSeconds);
      // A group that scales by itself has no number of replicas that a deployment would set back.
      expect(group['spec'].replicas).toBeUndefined();
    }
  });

  it('scales workers by running and queued tasks, and wakes them by the backlog', () => {
    const scaled = render(['-f', join(VALUES, 'everything.yaml')]).filter((manifest) => manifest.kind === 'ScaledObject');
    expect(scaled.map((manifest) => [manifest.metadata.name, manifest['spec'].triggers.map((trigger: any) => trigger.type)])).toEqual([
      ['full-millrace-worker-default', ['rabbitmq', 'rabbitmq', 'postgresql']], ['full-millrace-worker-gpu', ['rabbitmq', 'prometheus']],
    ]);
    const [byDatabase, byPrometheus] = scaled.map((manifest) => manifest['spec'].triggers.at(-1).metadata.query as string);
    for (const query of [byDatabase, byPrometheus]) expect(query).toMatch(/running/);
    expect(byDatabase).toContain(`t.queue in ('default', 'quick')`);
    expect(scaled[0]!['spec'].triggers[0].metadata.queueName).toBe('millrace.tasks.default');
  });

  it('migrates before the new pods, and as a plain Job where hooks are not wanted or the database is made by the release', () => {
    const job = (args: readonly string[]): Manifest => render(args).find((manifest) => manifest.kind === 'Job' && manifest.metadata.labels?.['app.kubernetes.io/component'] === 'migrate')!;
    expect(job([]).metadata.annotations).toMatchObject({ 'helm.sh/hook': 'pre-install,pre-upgrade' });
    // A hook comes before the release's objects: it may lean on none of them.
    expect(podSpecOf(job([])).serviceAccountName).toBeUndefined();
    expect(podSpecOf(job([])).volumes.every((volume: any) => volume.configMap === undefined)).toBe(true);
    for (const file of ['everything.yaml', 'operators.yaml']) expect(job(['-f', join(VALUES, file)]).metadata.annotations ?? {}).not.toHaveProperty('helm.sh/hook');
  });

  it('gives environment to every service, to one component, and to one group of workers', { timeout: 120_000 }, () => {
    const manifests = render(['-f', join(VALUES, 'everything.yaml')]);
    const first = (name: string): any => podSpecOf(manifests.find((manifest) => manifest.metadata.name === `full-millrace-${name}` && podSpecOf(manifest) !== null)!).containers[0];
    const env = (name: string): Record<string, string> => Object.fromEntries(first(name).env.map((each: any) => [each.name, each.value]));
    for (const name of ['api', 'scheduler', 'dag-processor', 'worker-default', 'worker-gpu', 'pod-launcher']) expect(env(name)['RELEASE']).toBe('full');
    expect(['api', 'scheduler', 'worker-default'].filter((name) => 'ONLY_API' in env(name))).toEqual(['api']);
    expect(['api', 'worker-default', 'worker-gpu'].filter((name) => 'ONLY_DEFAULT' in env(name))).toEqual(['worker-default']);
    const everybodys = { configMapRef: { name: 'proxy-settings' } };
    expect(first('api').envFrom).toEqual([everybodys, { secretRef: { name: 'full-api-settings' } }]);
    expect(first('worker-default').envFrom).toEqual([everybodys, { configMapRef: { name: 'default-settings' } }]);
    expect(first('worker-gpu').envFrom).toEqual([everybodys]);
    // Keys of stored secrets: only who reads them.
    expect(['api', 'scheduler', 'dag-processor', 'worker-default', 'pod-launcher'].filter((name) => 'MILLRACE__SECURITY__SECRET_KEYS' in env(name))).toEqual(['api', 'scheduler']);
  });

  it('follows repositories out of an image that has git, with a way to them and a token out of a secret', { timeout: 120_000 }, () => {
    const dagProcessor = (manifests: readonly Manifest[]): any => podSpecOf(manifests.find((manifest) => manifest.kind === 'Deployment' && manifest.metadata.labels?.['app.kubernetes.io/component'] === 'dag-processor')!).containers[0];
    expect(dagProcessor(render([])).image).toMatch(/\/millrace:/);
    const manifests = render(['--set', 'dags.repositories[0]=one=https://git.example.com/one.git#main:dags,dags.repositories[1]=two=https://git.example.com/two.git', '--set', 'dags.repositoriesSecret=git-token']);
    const { image, env } = dagProcessor(manifests);
    expect(image).toMatch(/\/millrace-worker:/);
    expect(env).toEqual(expect.arrayContaining([
      { name: 'MILLRACE__DAG_PROCESSOR__GIT', value: 'one=https://git.example.com/one.git#main:dags,two=https://git.example.com/two.git' },
      { name: 'MILLRACE__DAG_PROCESSOR__GIT_TOKEN', valueFrom: { secretKeyRef: { name: 'git-token', key: 'token' } } },
    ]));
    const policy = manifests.find((manifest) => manifest.kind === 'NetworkPolicy' && manifest.metadata.name.endsWith('-dag-processor'))!;
    expect(policy['spec'].egress.flatMap((rule: any) => rule.ports.map((port: any) => port.port))).toEqual(expect.arrayContaining([443, 22]));
    expect(dagProcessor(render(['--set', 'dagProcessor.image.repository=registry.example.com/own'])).image).toMatch(/^registry\.example\.com\/own:/);
  });

  it('makes users by the api, with passwords out of files, and leaves alone who is there', { timeout: 120_000 }, () => {
    const job = (args: readonly string[]): Manifest | undefined => render(args).find((manifest) => manifest.metadata.labels?.['app.kubernetes.io/component'] === 'create-user' && manifest.kind === 'Job');
    expect(job([])).toBeUndefined();
    const manifests = render(['-f', join(VALUES, 'everything.yaml')]);
    const made = manifests.find((manifest) => manifest.kind === 'Job' && manifest.metadata.labels?.['app.kubernetes.io/component'] === 'create-user')!;
    expect(made.metadata.annotations).toMatchObject({ 'helm.sh/hook': 'post-install,post-upgrade' });
    const pod = podSpecOf(made);
    expect(pod.containers.map((container: any) => container.args.join(' '))).toEqual([
      'users create --if-missing --password-file /etc/millrace-user/password --role Viewer --role Op@finance --email ada@example.com --first-name Ada --last-name Lovelace -- ada@example.com',
      'users create --if-missing --password-file /etc/millrace-user/password --role User -- bob',
    ]);
    expect(pod.containers[0].env).toContainEqual({ name: 'MILLRACE_API_URL', value: 'http://full-millrace-api:8080' });
    expect(JSON.stringify(pod)).not.toMatch(/DATABASE__URL|BROKER__URL|INTERNAL_TOKEN/);
    // The api lets it in where it lets in only some.
    const api = manifests.find((manifest) => manifest.kind === 'NetworkPolicy' && manifest.metadata.name === 'full-millrace-api')!;
    expect(JSON.stringify(api['spec'].ingress[0])).toContain('"create-user"');
    const plain = job(['-f', join(VALUES, 'everything.yaml'), '--set', 'createUserJob.useHelmHooks=false'])!;
    const other = job(['-f', join(VALUES, 'everything.yaml'), '--set', 'createUserJob.useHelmHooks=false', '--set', 'createUserJob.backoffLimit=3'])!;
    expect(plain.metadata.annotations ?? {}).not.toHaveProperty('helm.sh/hook');
    expect(plain.metadata.name).not.toBe(other.metadata.name);
  });

  it.each([
    ['an unknown key', ['--set', 'foo=1'], /foo/],
    ['an unknown key deep inside', ['--set', 'api.livenessProbe.foo=1'], /foo/],
    ['a tag that moves', ['--set', 'images.millrace.tag=latest'], /tag/],
    ['an image without tag and digest', ['--set', 'images.millrace.tag='], /tag or a digest/],
    ['a secret in the configuration', ['--set', 'config.database.url=postgres://u:p@h/d'], /config/],
    ['a group without a name', ['--set', 'workerGroups[0].queues={a}'], /name/],
    ['two autoscalers for one group', ['--set', 'workerGroups[0].name=a', '--set', 'workerGroups[0].keda.enabled=true', '--set', 'workerGroups[0].hpa.enabled=true'], /not/],
    ['two dag-processors', ['--set', 'dagProcessor.replicas=2'], /dagProcessor/],
    ['users without anybody who makes them', ['--set', 'createUserJob.enabled=true', '--set', 'createUserJob.users[0].name=a', '--set', 'createUserJob.users[0].roles={User}', '--set', 'createUserJob.users[0].passwordSecretName=a'], /adminPasswordSecretName/],
    ['a user with a password as a value', ['--set', 'createUserJob.users[0].name=a', '--set', 'createUserJob.users[0].roles={User}', '--set', 'createUserJob.users[0].password=x'], /password/],
    ['an ingress without a host', ['--set', 'ingress.web.enabled=true'], /host/],
  ])('refuses %s', (_, args, sentence) => {
    expect(() => render(args)).toThrow(sentence);
  });

  it('describes every value', () => {
    const values = Object.keys(parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'), { merge: true }) as object);
    const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as { properties: Record<string, unknown> };
    expect(Object.keys(schema.properties).filter((key) => key !== 'global').sort()).toEqual(values.sort());
    const page = readFileSync(join(CHART, 'README.md'), 'utf8');
    expect(values.filter((key) => !page.includes(`\`${key}`))).toEqual([]);
  });

  it('carries the alarms and dashboards of deploy/', () => {
    const deploy = join(REPOSITORY_ROOT, 'deploy');
    expect(readFileSync(join(CHART, 'files', 'alerts.yml'), 'utf8')).toBe(readFileSync(join(deploy, 'prometheus', 'alerts.yml'), 'utf8'));
    const dashboards = readdirSync(join(deploy, 'grafana', 'dashboards')).sort();
    expect(readdirSync(join(CHART, 'files', 'dashboards')).sort()).toEqual(dashboards);
    for (const file of dashboards) expect(readFileSync(join(CHART, 'files', 'dashboards', file), 'utf8')).toBe(readFileSync(join(deploy, 'grafana', 'dashboards', file), 'utf8'));
  });
});

describe.skipIf(typeof tools === 'string')('the check itself', { timeout: 120_000 }, () => {
  const pod = (more: object): Manifest => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'a:1', ...more }] } }) as Manifest;
  it.each([
    ['an unknown field', pod({ imagePullPolic: 'Always' }), /imagePullPolic/],
    ['a wrong type', pod({ ports: [{ containerPort: 'eighty' }] }), /not assignable/],
    ['a missing field', { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { template: {} } }, /selector/],
    ['a removed version', { apiVersion: 'policy/v1beta1', kind: 'PodDisruptionBudget', metadata: { name: 'd' }, spec: {} }, /policy\/v1beta1/],
    ['an unknown kind', { apiVersion: 'apps/v1', kind: 'Deplyment', metadata: { name: 'd' }, spec: {} }, /Deplyment|module/],
    ['a custom resource\'s unknown field', { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', metadata: { name: 's' }, spec: { scaleTargetRef: { name: 'x' }, triggers: [], foo: 1 } }, /foo/],
  ] as const)('finds %s', (_, manifest, sentence) => {
    expect(problemsOf([manifest as unknown as Manifest], tools as never).join('\n')).toMatch(sentence);
  });

  it('finds a pod that keeps none of our rules', () => {
    expect(breachesOf([pod({ image: 'a:latest' })]).join('\n')).toMatch(/as root[\s\S]*seccomp[\s\S]*not pinned[\s\S]*no memory limit[\s\S]*privileges[\s\S]*root file system[\s\S]*capabilities/);
  });
});
