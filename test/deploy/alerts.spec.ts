import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { missingPrograms } from './prometheus.js';

const FOLDER = join(REPOSITORY_ROOT, 'deploy', 'prometheus');
const has = missingPrograms('The alarms', 'promtool').length === 0;

const promtool = (args: readonly string[], cwd = FOLDER): { code: number | null; said: string } => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd, encoding: 'utf8' });
  return { code: status, said: stdout + stderr };
};

interface Rule { readonly alert: string; readonly labels: { readonly severity: string }; readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string } }
const rules = (parse(readFileSync(join(FOLDER, 'alerts.yml'), 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);

describe('the alarms', () => {
  it.each(rules.map((rule): [string, Rule] => [rule.alert, rule]))('%s has a severity, words, and a runbook that is there', (_, { labels, annotations }) => {
    expect(['info', 'warning', 'critical']).toContain(labels.severity);
    expect(annotations.summary.length * annotations.description.length).toBeGreaterThan(100);
    const page = /\/blob\/main\/(docs\/operators\/runbooks\/[a-z-]+\.md)$/.exec(annotations.runbook_url)?.[1];
    expect(page, annotations.runbook_url).toBeDefined();
    expect(existsSync(join(REPOSITORY_ROOT, page!)), page).toBe(true);
  });

  it.skipIf(!has)('are what Prometheus takes', () => {
    expect(promtool(['check', 'rules', 'alerts.yml'])).toMatchObject({ code: 0 });
    expect(promtool(['check', 'config', '--syntax-only', 'prometheus.yml'])).toMatchObject({ code: 0 });
  });

  it.skipIf(!has)('ring when they should, and only then', () => {
    expect(promtool(['test', 'rules', 'alerts.test.yml'])).toMatchObject({ code: 0 });
  });

  it.skipIf(!has)('would be caught when they did not', () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-alerts-'));
    try {
      cpSync(FOLDER, folder, { recursive: true });
      const planted = readFileSync(join(folder, 'alerts.yml'), 'utf8').replace('millrace_task_queued_oldest_seconds) > 300', 'millrace_task_queued_oldest_seconds) > 30000');
      writeFileSync(join(folder, 'alerts.yml'), planted);
      expect(promtool(['test', 'rules', 'alerts.test.yml'], folder).code).not.toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
