import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface MetricInCode {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly file: string;
}

const CALL = /\.(counter|gauge|histogram)(?:<[^>]*>)?\(\{\s*name: '([a-z_]+)', help: '(?:[^'\\]|\\.)*'(?:, labels: \[([^\]]*)\])?/g;
/** The census makes its gauges by a helper. */
const CENSUS = /\bgauge\('([a-z_]+)', '(?:[^'\\]|\\.)*', \[([^\]]*)\]/g;
const ANY_CALL = /\.(?:counter|gauge|histogram)(?:<[^>]*>)?\(\{/g;

/** Every metric the services make, read from their sources; throws at one that is made in a way this cannot read. */
export function metricsInCode(root: string): MetricInCode[] {
  const found: MetricInCode[] = [];
  for (const file of sources(root)) {
    const text = readFileSync(join(root, file), 'utf8');
    const calls = [...text.matchAll(CALL)];
    const helper = file.endsWith('census-metrics.ts') ? 1 : 0;
    const all = [...text.matchAll(ANY_CALL)].length - helper;
    if (calls.length !== all) throw new Error(`${file}: ${all} metrics are made, ${calls.length} can be read; write name, help and labels as literals, in that order`);
    for (const [, type, name, labels] of calls) found.push({ name: `millrace_${name}`, type: type as MetricInCode['type'], labels: labelsOf(labels), file });
    if (helper === 1) for (const [, name, labels] of text.matchAll(CENSUS)) found.push({ name: `millrace_${name}`, type: 'gauge', labels: labelsOf(labels), file });
  }
  return found;
}

function labelsOf(text: string | undefined): string[] {
  return [...(text ?? '').matchAll(/'([^']+)'/g)].map(([, label]) => label!).sort();
}

function sources(root: string): string[] {
  return ['apps', 'libs'].flatMap((top) => readdirSync(join(root, top)).flatMap((name) => {
    const folder = join(top, name, 'src');
    try {
      return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !file.includes('testing/') && file !== 'create-metrics.ts').map((file) => join(folder, file));
    } catch {
      return [];
    }
  }));
}
