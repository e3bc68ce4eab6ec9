// Writes k8s/base out of the chart: node k8s/render-base.mjs HELM. A test compares them. Without helm's own labels and hooks: kustomize is whole without it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';

const here = import.meta.dirname;

/** File name to content. */
export function renderBase(helm) {
  const text = execFileSync(helm, ['template', 'millrace', join(here, 'chart'), '--namespace', 'millrace', '-f', join(here, 'base-values.yaml')], { encoding: 'utf8' });
  const files = new Map();
  let configuration = '';
  for (const document of parseAllDocuments(text)) {
    const object = document.toJS();
    if (object === null) continue;
    strip(object);
    if (object.kind === 'ConfigMap') {
      // Generated, so that its name changes with its content and the pods are rolled.
      configuration = object.data['millrace.yaml'];
      continue;
    }
    const component = object.metadata.labels?.['app.kubernetes.io/component'] ?? 'other';
    const group = object.metadata.labels?.['millrace.dev/worker-group'];
    const name = `${component}${group === undefined ? '' : `-${group}`}.yaml`;
    files.set(name, [...(files.get(name) ?? []), object]);
  }
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const contents = Object.fromEntries(sorted.map(([name, objects]) => [name, objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n')]));
  contents['kustomization.yaml'] = stringify({ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources: sorted.map(([name]) => name), configMapGenerator: [{ name: 'millrace-config', files: ['millrace.yaml'] }] });
  contents['millrace.yaml'] = configuration;
  return contents;
}

function strip(value) {
  if (Array.isArray(value)) return value.forEach(strip);
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    if (key === 'helm.sh/chart' || key.startsWith('helm.sh/hook') || key === 'app.kubernetes.io/managed-by' || key === 'checksum/config') delete value[key];
    else strip(value[key]);
  }
}

if (process.argv[1] === import.meta.filename) {
  const base = join(here, 'base');
  mkdirSync(base, { recursive: true });
  for (const file of readdirSync(base)) rmSync(join(base, file));
  for (const [name, content] of Object.entries(renderBase(process.argv[2] ?? 'helm'))) writeFileSync(join(base, name), content);
}
