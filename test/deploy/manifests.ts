import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import type { KubernetesTools } from './kubernetes-tools.js';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
  // Objects of Kubernetes are looked into by the checks as they come.
  readonly [field: string]: any;
}

export function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1_048_576 });
  if (status !== 0) throw new Error(stderr.trim() || stdout.trim() || `${command} ended with ${status}`);
  return stdout;
}

export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`not YAML: ${document.errors[0]!.message}`);
    return document.toJS() === null ? [] : [document.toJS() as Manifest];
  });
}

/** Where the types of a kind are: its package and folder. What is not listed is not accepted: neither unknown kinds nor removed versions of known ones. */
const TYPED: Readonly<Record<string, string>> = {
  'apps/v1': 'kubernetes-models/apps/v1', 'v1': 'kubernetes-models/v1', 'batch/v1': 'kubernetes-models/batch/v1', 'policy/v1': 'kubernetes-models/policy/v1', 'autoscaling/v2': 'kubernetes-models/autoscaling/v2',
  'networking.k8s.io/v1': 'kubernetes-models/networking.k8s.io/v1', 'rbac.authorization.k8s.io/v1': 'kubernetes-models/rbac.authorization.k8s.io/v1', 'scheduling.k8s.io/v1': 'kubernetes-models/scheduling.k8s.io/v1',
  'keda.sh/v1alpha1': '@kubernetes-models/keda/keda.sh/v1alpha1', 'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1', 'gateway.networking.k8s.io/v1': '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1',
};
/** Custom resources nobody publishes types of: the fields used here, written down from their documentation. */
const OWN_TYPES = `
type Quantities = { requests?: Record<string, string | number>; limits?: Record<string, string | number> };
type Meta = { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
export interface ICluster { apiVersion: 'postgresql.cnpg.io/v1'; kind: 'Cluster'; metadata: Meta; spec: { instances: number; imageName?: string; bootstrap?: { initdb?: { database?: string; owner?: string } }; storage: { size: string; storageClass?: string }; minSyncReplicas?: number; maxSyncReplicas?: number; postgresql?: { parameters?: Record<string, string> }; resources?: Quantities } }
export interface IRabbitmqCluster { apiVersion: 'rabbitmq.com/v1beta1'; kind: 'RabbitmqCluster'; metadata: Meta; spec: { replicas?: number; image?: string; persistence?: { storage?: string; storageClassName?: string }; resources?: Quantities; rabbitmq?: { additionalPlugins?: string[]; additionalConfig?: string } } }
`;
const OWN = new Set(['postgresql.cnpg.io/v1 Cluster', 'rabbitmq.com/v1beta1 RabbitmqCluster']);

/**
 * Objects that Kubernetes 1.35 would not take as they are meant: unknown fields (which an API server drops in silence), missing ones, wrong types,
 * unknown kinds, removed versions. Each object is a literal of its interface, and the compiler judges it.
 */
export function problemsOf(manifests: readonly Manifest[], tools: KubernetesTools): string[] {
  const problems: string[] = [];
  const lines: string[] = [];
  const named: (Manifest | null)[] = [];
  const say = (line: string, of: Manifest | null): void => {
    lines.push(line);
    named.push(of);
  };
  for (const manifest of manifests) {
    const { apiVersion, kind } = manifest;
    const own = OWN.has(`${apiVersion} ${kind}`);
    if (!own && TYPED[apiVersion] === undefined) problems.push(`${kind} ${manifest.metadata?.name}: Kubernetes 1.35 has no ${apiVersion} (or it is not known here)`);
    else say(`{ const object: import('${own ? './own-types.js' : `${TYPED[apiVersion]}/${kind}`}').I${kind} = ${JSON.stringify(manifest).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}; void object; }`, manifest);
  }
  const folder = mkdtempSync(join(tools.models, 'check-'));
  try {
    writeFileSync(join(folder, 'own-types.ts'), OWN_TYPES);
    writeFileSync(join(folder, 'manifests.ts'), `${lines.join('\n')}\nexport {};\n`);
    const { status, stdout } = spawnSync(process.execPath, [join(REPOSITORY_ROOT, 'node_modules/typescript/bin/tsc'), '--noEmit', '--ignoreConfig', '--module', 'nodenext', '--strict', '--skipLibCheck', '--target', 'es2022', '--types', '', '--pretty', 'false', join(folder, 'manifests.ts')], { encoding: 'utf8' });
    for (const [, line, message] of stdout.matchAll(/manifests\.ts\((\d+),\d+\): error \w+: (.*)/g)) {
      const of = named[Number(line) - 1];
      problems.push(`${of?.kind} ${of?.metadata.name}: ${message}`);
    }
    if (status !== 0 && problems.length === 0) problems.push(`the compiler failed: ${stdout.slice(0, 500)}`);
    return problems;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
