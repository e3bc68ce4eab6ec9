import { envNameOf } from './define-options.js';
import type { Option } from './define-options.js';
import { OPTIONS } from './options.js';

/** `docs/operators/configuration.md`, from the option table. Written by `node libs/configuration/write-page.mjs`. */
export function configurationPage(): string {
  const sections = new Map<string, [string, Option<unknown>][]>();
  for (const [key, option] of Object.entries(OPTIONS) as [string, Option<unknown>][]) {
    const section = key.split('.')[0] as string;
    sections.set(section, [...(sections.get(section) ?? []), [key, option]]);
  }
  const lines = [
    '# Configuration',
    '',
    '<!-- Generated from libs/configuration/src/options.ts by `node libs/configuration/write-page.mjs`. Change it there. -->',
    '',
    'Every service reads the same keys. A value comes from, the later winning:',
    '',
    '1. the default below;',
    '2. the YAML file that `MILLRACE_CONFIG` names: `scheduler: { grpc_port: 50051 }`;',
    '3. the environment: `MILLRACE__SCHEDULER__GRPC_PORT=50051`, or `MILLRACE__SCHEDULER__GRPC_PORT_FILE=/run/secrets/port`',
    '   for a file that holds the value (Docker and Kubernetes secrets); an empty variable counts as not set;',
    '4. command-line flags.',
    '',
    'Everything is checked at start. A wrong value stops the service with a message that names the key and what is accepted;',
    'an unknown name is ignored with a warning. `millrace config list` shows each value and where it came from, without secrets.',
    '',
    'Relations that are checked: `worker.self_fence_ms` + `scheduler.beat_every_ms` < `scheduler.lease_ttl_ms`.',
    '',
  ];
  for (const [section, rows] of sections) {
    lines.push(`## ${section}`, '', '| key | variable | default | accepted | |', '|---|---|---|---|---|');
    for (const [key, option] of rows) {
      lines.push(`| \`${key}\` | \`${envNameOf(key)}\` | ${defaultCell(option)} | ${cell(option.parse.accepts)} | ${cell(option.desc)}${option.secret ? ' **Secret.**' : ''} |`);
    }
    lines.push('');
  }
  return lines.join('\n');
}

function defaultCell(option: Option<unknown>): string {
  const text = Array.isArray(option.default) ? option.default.join(',') : String(option.default);
  return text === '' ? '' : `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
