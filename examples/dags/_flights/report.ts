import type { Summary } from './database.js';

/** The report as Markdown. */
export function reportText(summary: Summary, about: { readonly runId: string; readonly table: string; readonly rejected: number }): string {
  const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
  return `# Flights

Run \`${about.runId}\`, table \`${about.table}\`.

| | |
|---|---|
| Flights loaded | ${summary.flights} |
| Records rejected | ${about.rejected} |
| Late (more than 15 minutes) | ${summary.late} (${percent(summary.late, summary.flights)}) |
| Mean delay | ${summary.meanDelayMinutes.toFixed(4)} minutes |
| Distance flown | ${summary.totalMiles} miles |
| First departure | ${summary.firstDeparture} |
| Last departure | ${summary.lastDeparture} |

## Busiest airports

| Airport | Departures | Late | Mean delay, minutes |
|---|---|---|---|
${summary.airports.map((airport) => `| ${airport.origin} | ${airport.flights} | ${percent(airport.late, airport.flights)} | ${airport.meanDelayMinutes.toFixed(4)} |`).join('\n')}
`;
}
