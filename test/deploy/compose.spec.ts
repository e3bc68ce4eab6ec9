import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OPTIONS, envNameOf, loadConfiguration } from '@millrace/configuration';
import type { ConfigurationKey } from '@millrace/configuration';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly networks: Readonly<Record<string, unknown>>;
}

const FOLDER = join(REPOSITORY_ROOT, 'deploy', 'compose');
const compose = parse(readFileSync(join(FOLDER, 'compose.yaml'), 'utf8'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.image.includes('/millrace/'));
const VARIABLES = new Set((Object.keys(OPTIONS) as ConfigurationKey[]).map((key) => envNameOf(key)));

describe('the compose file', () => {
  it('has the whole system: two schedulers, two kinds of workers and everything they need', () => {
    expect(services.map(([name]) => name).sort()).toEqual(['api', 'dag-processor', 'grafana', 'log-server', 'migrate', 'postgres', 'postgres-exporter', 'prometheus', 'rabbitmq', 'redis', 's3', 's3-bucket', 'scheduler-1', 'scheduler-2', 'worker-default', 'worker-heavy']);
  });

  it.each(services)('%s: image pinned, and everything it names is there', (_, service) => {
    expect(service.image).toMatch(/^(\$\{\w+:-)?[a-z0-9.-]+(\/[a-z0-9._-]+)+:[\w][\w.-]*\}?$/);
    expect(service.image).not.toMatch(/:latest/);
    for (const secret of service.secrets ?? []) expect(Object.keys(compose.secrets)).toContain(secret);
    for (const network of service.networks ?? []) expect(Object.keys(compose.networks)).toContain(network);
    for (const other of Object.keys(service.depends_on ?? {})) expect(Object.keys(compose.services)).toContain(other);
    for (const volume of service.volumes ?? []) {
      const source = volume.replace(/^\$\{\w+:-([^}]*)\}/, '$1').split(':')[0]!;
      if (source.startsWith('.')) expect(existsSync(join(FOLDER, source)), source).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    for (const [name, value] of Object.entries(service.environment ?? {})) {
      if (String(value).startsWith('/run/secrets/')) expect(service.secrets, name).toContain(String(value).slice('/run/secrets/'.length));
    }
  });

  it.each(ours)('%s: configuration that exists and is taken, a command there is, no right it does not need', (name, service) => {
    const environment = service.environment as Record<string, string | number>;
    const plain = Object.fromEntries(Object.entries(environment).filter(([key]) => key.startsWith('MILLRACE__') && !key.endsWith('_FILE')).map(([key, value]) => [key, String(value)]));
    const unknown = Object.keys(environment).filter((key) => key.startsWith('MILLRACE__') && !VARIABLES.has(key.replace(/_FILE$/, '')));
    expect(unknown).toEqual([]);
    const warnings: string[] = [];
    expect(() => loadConfiguration({ env: plain, onWarning: (sentence) => warnings.push(sentence) })).not.toThrow();
    expect(warnings).toEqual([]);
    expect(['db', 'api', 'scheduler', 'worker', 'log-server', 'dag-processor']).toContain(service.command?.[0]);
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    const hasDatabase = 'MILLRACE__DATABASE__URL_FILE' in environment;
    expect(hasDatabase, `${name} and the database`).toBe(['migrate', 'api', 'scheduler-1', 'scheduler-2'].includes(name));
  });

  it('says addresses at which the others listen', () => {
    const listens = new Map<string, Set<number>>(services.map(([name]) => [name, new Set<number>()]));
    for (const [name, service] of services) for (const [key, value] of Object.entries(service.environment ?? {})) if (key.endsWith('_PORT')) listens.get(name)!.add(Number(value));
    for (const [name, ports] of [['postgres', [5432]], ['rabbitmq', [5672, 15692]], ['redis', [6379]], ['s3', [9000]], ['prometheus', [9090]], ['postgres-exporter', [9187]]] as const) for (const port of ports) listens.get(name)!.add(port);
    const text = readFileSync(join(FOLDER, 'compose.yaml'), 'utf8') + readFileSync(join(REPOSITORY_ROOT, 'deploy/prometheus/prometheus.yml'), 'utf8') + readFileSync(join(REPOSITORY_ROOT, 'deploy/grafana/provisioning/datasources/prometheus.yml'), 'utf8');
    const addresses = [...text.matchAll(new RegExp(`\\b(${[...listens.keys()].sort((a, b) => b.length - a.length).join('|')}):(\\d{4,5})\\b`, 'g'))].map(([, host, port]) => [host!, Number(port)] as const);
    expect(addresses.length).toBeGreaterThan(12);
    expect(addresses.filter(([host, port]) => !listens.get(host)!.has(port))).toEqual([]);
  });

  it('has its secrets made by a script, private, and kept when it runs again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-compose-'));
    try {
      cpSync(join(FOLDER, 'make-secrets.sh'), join(folder, 'make-secrets.sh'));
      const make = (): string[] => {
        execFileSync('bash', [join(folder, 'make-secrets.sh')]);
        return Object.values(compose.secrets).map(({ file }) => readFileSync(join(folder, file), 'utf8'));
      };
      const made = make();
      expect(made.every((secret) => secret.length >= 16)).toBe(true);
      expect(make()).toEqual(made);
      expect(statSync(join(folder, '.env')).mode & 0o077).toBe(0);
      expect(readFileSync(join(folder, '.env'), 'utf8')).toMatch(/^RABBITMQ_PASSWORD=[0-9a-f]{32}\nS3_SECRET=[0-9a-f]{32}\n$/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
