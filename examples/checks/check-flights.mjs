#!/usr/bin/env node
// Computes the figures of example_etl's report in another way (a streaming scan of the text, whole-number arithmetic, no JSON
// parser, no database) and compares them with a report:
//
//   node examples/checks/check-flights.mjs <report.md> [flights-20k.json]
//
// Exit code 0: all agree. 1: something differs, and what.
import { createReadStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The figures as the texts that must stand in the report. */
export async function figuresOf(file) {
  const all = { flights: 0, late: 0, delay: 0, miles: 0, first: '', last: '' };
  const airports = new Map();
  for await (const record of records(file)) {
    const [, date] = /"date":"([^"]*)"/.exec(record);
    const delay = Number(/"delay":(-?\d+)/.exec(record)[1]);
    const miles = Number(/"distance":(\d+)/.exec(record)[1]);
    const [, origin] = /"origin":"([^"]*)"/.exec(record);
    const airport = airports.get(origin) ?? { flights: 0, late: 0, delay: 0 };
    airports.set(origin, airport);
    for (const sum of [all, airport]) {
      sum.flights += 1;
      sum.late += delay > 15 ? 1 : 0;
      sum.delay += delay;
    }
    all.miles += miles;
    if (all.first === '' || date < all.first) all.first = date;
    if (date > all.last) all.last = date;
  }
  const percent = (sum) => `${((100 * sum.late) / sum.flights).toFixed(1)} %`;
  const busiest = [...airports].sort(([a, x], [b, y]) => y.flights - x.flights || (a < b ? -1 : 1)).slice(0, 10);
  return [
    `| Flights loaded | ${all.flights} |`,
    `| Late (more than 15 minutes) | ${all.late} (${percent(all)}) |`,
    `| Mean delay | ${mean(all)} minutes |`,
    `| Distance flown | ${all.miles} miles |`,
    `| First departure | ${all.first.replaceAll('/', '-')} |`,
    `| Last departure | ${all.last.replaceAll('/', '-')} |`,
    ...busiest.map(([name, sum]) => `| ${name} | ${sum.flights} | ${percent(sum)} | ${mean(sum)} |`),
  ];
}

/** Four decimals, halves away from zero, without floating point. */
function mean({ delay, flights }) {
  const scaled = (BigInt(Math.abs(delay)) * 20_000n) / BigInt(flights);
  const digits = String((scaled + 1n) / 2n).padStart(5, '0');
  return `${delay < 0 ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

async function* records(file) {
  let rest = '';
  for await (const chunk of createReadStream(file, 'utf8')) {
    const parts = (rest + chunk).split('}');
    rest = parts.pop();
    for (const part of parts) yield part;
  }
}

function dataSet() {
  const here = createRequire(import.meta.url);
  for (const modules of here.resolve.paths('vega-datasets')) {
    const file = join(modules, 'vega-datasets', 'data', 'flights-20k.json');
    try {
      readFileSync(file, { flag: 'r' });
      return file;
    } catch {
      continue;
    }
  }
  throw new Error(`vega-datasets is not installed above ${dirname(fileURLToPath(import.meta.url))}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [report, source] = process.argv.slice(2);
  if (report === undefined) {
    console.error('usage: node examples/checks/check-flights.mjs <report.md> [flights-20k.json]');
    process.exit(2);
  }
  const lines = readFileSync(report, 'utf8').split('\n');
  const missing = (await figuresOf(source ?? dataSet())).filter((line) => !lines.includes(line));
  for (const line of missing) console.error(`not in the report: ${line}`);
  console.log(missing.length === 0 ? 'the report agrees with the figures computed the other way' : `${missing.length} figures differ`);
  process.exit(missing.length === 0 ? 0 : 1);
}
