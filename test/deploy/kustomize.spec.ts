import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfiguration } from '@millrace/configuration';
import { describe, expect, it } from 'vitest';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { kubernetesTools } from './kubernetes-tools.js';
import { parseManifests, problemsOf, run } from './manifests.js';
import type { Manifest } from './manifests.js';
import { breachesOf, danglingReferences, podSpecOf } from './policies.js';

const FOLDER = join(REPOSITORY_ROOT, 'k8s');
const OVERLAYS = readdirSync(join(FOLDER, 'overlays')).sort();
const tools = kubernetesTools();
if (typeof tools === 'string') console.warn(`SKIPPED: the overlays are not checked. ${tools}`);

describe.skipIf(typeof tools === 'string')('kustomize', { timeout: 120_000 }, () => {
  const had = typeof tools === 'string' ? null! : tools;
  const build = (overlay: string): Manifest[] => parseManifests(run(had.kubectl, ['kustomize', join(FOLDER, 'overlays', overlay)]));
  const envOf = (manifest: Manifest, container = 0): Record<string, string> => Object.fromEntries(podSpecOf(manifest).containers[container].env.map((each: any) => [each.name, each.value]));

  it('has a base that is the chart\'s', async () => {
    const { renderBase } = (await import(join(FOLDER, 'render-base.mjs'))) as { renderBase(helm: string): Record<string, string> };
    const base = join(FOLDER, 'base');
    expect(Object.fromEntries(readdirSync(base).map((file) => [file, readFileSync(join(base, file), 'utf8')]))).toEqual(renderBase(had.helm));
  });

  it.each(OVERLAYS)('builds %s, which Kubernetes takes, which keeps our rules, and fits together', (overlay) => {
    const manifests = build(overlay);
    expect(manifests.length).toBeGreaterThan(12);
    expect(problemsOf(manifests, had)).toEqual([]);
    expect(breachesOf(manifests)).toEqual([]);
    expect(danglingReferences(manifests)).toEqual([]);
    expect(new Set(manifests.map((manifest) => manifest.metadata.namespace)).size).toBe(1);
  });

  it.each(OVERLAYS)('gives %s a configuration that every service takes', (overlay) => {
    const warnings: string[] = [];
    const file = join(FOLDER, 'overlays', overlay, 'millrace.yaml');
    const used = readdirSync(join(FOLDER, 'overlays', overlay)).includes('millrace.yaml') ? file : join(FOLDER, 'base', 'millrace.yaml');
    expect(() => loadConfiguration({ env: {}, file: used, onWarning: (sentence) => warnings.push(sentence) })).not.toThrow();
    expect(warnings).toEqual([]);
    const map = build(overlay).find((manifest) => manifest.kind === 'ConfigMap')!;
    expect(map['data']['millrace.yaml']).toBe(readFileSync(used, 'utf8'));
  });

  it('differs by environment in replicas, queues and size', () => {
    const table = OVERLAYS.map((overlay) => {
      const manifests = build(overlay);
      const named = (name: string): Manifest => manifests.find((manifest) => manifest.metadata.name === name && podSpecOf(manifest) !== null)!;
      const [standard, heavy] = [named('millrace-worker-default'), named('millrace-worker-heavy')];
      const of = envOf(standard);
      return [overlay, named('millrace-scheduler')['spec'].replicas, standard['spec'].replicas, of['MILLRACE__WORKER__QUEUES'], of['MILLRACE__WORKER__CONCURRENCY'], heavy['spec'].replicas ?? 'scaled'];
    });
    expect(table).toEqual([['dev', 1, 1, 'default,heavy', '8', 0], ['production', 3, 8, 'default', '16', 'scaled'], ['staging', 2, 2, 'default', '8', 1]]);
    expect(build('dev').filter((manifest) => manifest.kind === 'PodDisruptionBudget')).toEqual([]);
  });
});
