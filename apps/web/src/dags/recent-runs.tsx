import { Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { stateColour, stateName } from '../look/states.js';
import type { RecentRun } from '../rest/shapes.js';
import { duration, instantText, secondsBetween } from '../time/format.js';
import { usePreferences } from '../time/preferences.js';
import { useWords } from '../words/words.js';

const SHOWN = 14;
const TALL_PX = 26;

/** The newest runs as bars, newest on the right; higher took longer, compared with the others shown. */
export function RecentRuns({ dagId, runs }: { readonly dagId: string; readonly runs: readonly RecentRun[] }) {
  const t = useWords();
  const { zone } = usePreferences();
  const shown = runs.slice(-SHOWN);
  const seconds = shown.map((run) => secondsBetween(run.start_date, run.end_date) ?? 0);
  const longest = Math.max(...seconds, 0.001);
  return (
    <span className="recent-runs" style={{ height: TALL_PX }}>
      {Array.from({ length: SHOWN - shown.length }, (_, index) => <i key={index} className="recent-none" />)}
      {shown.map((run, index) => (
        <Tooltip key={run.run_id} label={<span>{t(stateName(run.state))} · {instantText(run.run_after, zone, 'minute')}<br />{duration(seconds[index])} · {run.run_type}</span>}>
          <Link
            to="/dags/$dagId/runs/$runId" params={{ dagId, runId: run.run_id }} tabIndex={-1} className="recent-run" aria-label={`${t(stateName(run.state))}, ${instantText(run.run_after, zone, 'minute')}`}
            style={{ height: Math.max(5, Math.sqrt(seconds[index]! / longest) * TALL_PX), background: stateColour(run.state) }}
          />
        </Tooltip>
      ))}
    </span>
  );
}
