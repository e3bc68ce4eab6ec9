import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { dagPath, withDagName } from '../client/dag-names.js';
import { renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

const COLUMNS = ['logical_date', 'data_interval_start', 'data_interval_end', 'run_after'];

/** Airflow's command of this name; what is said about them goes to stderr, the runs to stdout. */
export async function nextExecution(dagId: string, options: OutputOptions & { readonly numExecutions: number }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const schedule = await withDagName(api, dagId, () => api.get<{ next_runs: Row[]; warnings: string[]; is_paused: boolean; timetable_description: string | null; timezone: string }>(
    `${dagPath(dagId).replace('/api/v2/', '/api/millrace/v1/')}/schedule`, { count: options.numExecutions },
  ));
  for (const warning of schedule.warnings) tell(`warning: ${warning}`);
  if (schedule.is_paused) tell(`${dagId} is paused: no run is made until you say: millrace dags unpause ${dagId}`);
  if (schedule.timetable_description === null) tell(`${dagId} has no schedule: it runs only when triggered`);
  else if (schedule.next_runs.length === 0) tell(`${dagId} (${schedule.timetable_description}) has no more runs`);
  print(await renderRows(schedule.next_runs, COLUMNS, options.output));
}
