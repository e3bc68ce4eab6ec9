import { useRouter } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef } from 'react';
import { taskRows } from '../dag/task-order.js';
import { Empty } from '../feedback/feedback.js';
import { StateDot } from '../look/state-mark.js';
import { isOver, stateColour, stateName, standsFor } from '../look/states.js';
import { path } from '../rest/client.js';
import type { RunTasks, Structure } from '../rest/shapes.js';
import { duration } from '../time/format.js';
import { useNow } from '../time/instant.js';
import { useWords } from '../words/words.js';

const ROW_PX = 28;
/** Half of a phone at most. */
const NAMES = 'min(220px, 34vw)';
const TICKS = 6;

/** Each task over the time of the run: pale while it waited for its place, full while it ran. */
export function Gantt({ dagId, runId, structure, data }: { readonly dagId: string; readonly runId: string; readonly structure: Structure; readonly data: RunTasks }) {
  const t = useWords();
  const router = useRouter();
  const frame = useRef<HTMLDivElement>(null);
  const now = useNow();
  const byId = useMemo(() => new Map(data.tasks.map((task) => [task.task_id, task])), [data.tasks]);
  const rows = useMemo(() => taskRows(structure, new Set()).filter((row) => row.kind === 'task' && hasBegun(byId.get(row.id))), [structure, byId]);
  const at = (text: string | null | undefined): number | null => (text === null || text === undefined ? null : Date.parse(text));
  const begin = Math.min(...[data.run.start_date, ...data.tasks.map((task) => task.queued_at)].map((text) => at(text) ?? Number.POSITIVE_INFINITY));
  const end = Math.max(at(data.run.end_date) ?? now, ...data.tasks.map((task) => at(task.end_date) ?? 0));
  const span = Math.max(end - begin, 1);
  const lines = useVirtualizer({ count: rows.length, getScrollElement: () => frame.current, estimateSize: () => ROW_PX, overscan: 12 });
  if (rows.length === 0) return <Empty title={t('Nothing has started yet')} />;
  const part = (from: number, to: number): { left: string; width: string } => ({ left: `${(100 * (from - begin)) / span}%`, width: `max(2px, ${(100 * Math.max(0, to - from)) / span}%)` });
  return (
    <div className="gantt card flush">
      <div className="gantt-head" style={{ paddingInlineStart: NAMES }}>
        <div>{Array.from({ length: TICKS }, (_, index) => <span key={index} className="num faint small" style={{ left: `${(100 * index) / (TICKS - 1)}%` }}>{duration((span / 1_000) * (index / (TICKS - 1)))}</span>)}</div>
      </div>
      <div className="gantt-scroll" ref={frame} tabIndex={0} aria-label={t('Tasks over time')}>
        <div style={{ height: lines.getTotalSize(), position: 'relative' }}>
          {lines.getVirtualItems().map((item) => {
            const row = rows[item.index]!;
            const task = byId.get(row.id)!;
            const state = standsFor(task.states);
            const [queued, start, stop] = [at(task.queued_at)!, at(task.start_date), at(task.end_date) ?? now];
            const href = path`/dags/${dagId}/runs/${runId}/tasks/${row.id}`;
            // Decided without a start (skipped, upstream failed): it never stood in a queue.
            const waits = start !== null || !isOver(state);
            const waited = ((start ?? now) - queued) / 1_000;
            const text = `${row.label}: ${t(stateName(state))}${waits ? `, ${t('waited {time}', { time: duration(waited) })}` : ''}${start === null ? '' : `, ${t('ran {time}', { time: duration((stop - start) / 1_000) })}`}`;
            return (
              <a key={row.id} href={href} title={text} className="gantt-row" style={{ transform: `translateY(${item.start}px)`, height: ROW_PX }} onClick={(event) => { if (!event.metaKey && !event.ctrlKey) { event.preventDefault(); router.history.push(href); } }}>
                <span className="gantt-name" style={{ width: NAMES }}><StateDot state={state} /><span className="clip">{row.id}</span></span>
                <span className="gantt-track">
                  {waits && <i className="gantt-wait" style={part(queued, start ?? now)} />}
                  {start !== null && <i className="gantt-run" style={{ ...part(start, stop), background: stateColour(state) }} />}
                </span>
                <span className="gantt-time num soft">{start === null ? '' : duration((stop - start) / 1_000)}</span>
              </a>
            );
          })}
        </div>
      </div>
      <div className="gantt-foot faint small"><span><i className="gantt-wait key" />{t('waited in a queue')}</span><span><i className="gantt-run key" />{t('ran')}</span></div>
    </div>
  );
}

/** What is not even queued has no place in time yet. */
function hasBegun(task: RunTasks['tasks'][number] | undefined): boolean {
  return task !== undefined && task.queued_at !== null && !(task.start_date === null && standsFor(task.states) === 'none');
}
