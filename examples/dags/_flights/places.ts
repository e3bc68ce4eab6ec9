import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder of this installation, as the services say it. */
export function millraceHome(): string {
  return process.env['MILLRACE_HOME'] ?? (process.getuid?.() === 0 ? '/var/lib/millrace' : join(homedir(), '.millrace'));
}

/** The data set inside the npm package `vega-datasets`: beside the runner, the working folder, or $MILLRACE_HOME. */
export function flightsFile(): string {
  for (const start of [process.argv[1] ?? '', join(process.cwd(), 'package.json'), join(millraceHome(), 'package.json')]) {
    for (const modules of start === '' ? [] : (createRequire(start).resolve.paths('vega-datasets') ?? [])) {
      const file = join(modules, 'vega-datasets', 'data', 'flights-20k.json');
      if (existsSync(file)) return file;
    }
  }
  throw new Error('the data set was not found: install the npm package vega-datasets, or set the param or variable `flights_file` to the path of flights-20k.json');
}
