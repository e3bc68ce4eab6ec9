import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useRouter } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, MouseEvent } from 'react';
import { ABSENT, LETTERS, stateColour, stateName } from '../look/states.js';
import { path } from '../rest/client.js';
import type { BoardRun } from '../rest/shapes.js';
import { duration, instantText, secondsBetween } from '../time/format.js';
import { usePreferences } from '../time/preferences.js';
import { useWords } from '../words/words.js';
import { countsAt, letterAt } from './board.js';
import type { Board } from './board.js';
import type { TaskRow } from './task-order.js';

const ROW_PX = 22;
const COLUMN_PX = 18;
const NAMES_PX = 248;
const HEAD_PX = 92;
const BAR_PX = 64;
/** Room for the date above the newest run. */
const DATE_PX = 92;
/** Columns are drawn in steps, so that scrolling a little draws nothing anew. */
const STEP = 12;

const COLOURS: Readonly<Record<string, string>> = Object.fromEntries(Object.entries(LETTERS).map(([letter, state]) => [letter, stateColour(state)]));

interface GridProps {
  readonly dagId: string;
  readonly rows: readonly TaskRow[];
  readonly board: Board;
  readonly fold: (group: string) => void;
  readonly more: () => void;
  readonly isMore: boolean;
}

/**
 * The board itself. It scrolls from right to left: the newest run stands at the right edge, and older ones are added at the left
 * without anything moving. Only what is in sight is drawn; each cell is a link.
 */
export function GridView({ dagId, rows, board, fold, more, isMore }: GridProps) {
  const t = useWords();
  const router = useRouter();
  const frame = useRef<HTMLDivElement>(null);
  const [columns, setColumns] = useState({ from: 0, to: 60 });
  const [hovered, setHovered] = useState<{ row: number; run: number; x: number; y: number } | null>(null);
  const [active, setActive] = useState({ row: 0, run: 0 });
  const lines = useVirtualizer({ count: rows.length, getScrollElement: () => frame.current, estimateSize: () => ROW_PX, overscan: 14, paddingStart: HEAD_PX });
  const runs = board.runs.length;
  const longest = useMemo(() => Math.max(0.001, ...board.runs.map((run) => secondsBetween(run.start_date, run.end_date) ?? 0)), [board]);

  const look = useCallback(() => {
    const element = frame.current;
    if (element === null) return;
    const right = Math.abs(element.scrollLeft);
    const from = Math.max(0, Math.floor(right / COLUMN_PX / STEP) * STEP - STEP);
    const to = Math.ceil((right + element.clientWidth - NAMES_PX) / COLUMN_PX / STEP) * STEP + STEP;
    setColumns((before) => (before.from === from && before.to === to ? before : { from, to }));
    if (isMore && to >= runs - 6) more();
  }, [isMore, more, runs]);
  useEffect(() => {
    look();
    const element = frame.current!;
    const resized = new ResizeObserver(look);
    resized.observe(element);
    return () => resized.disconnect();
  }, [look]);

  const cellOf = (event: MouseEvent): { element: HTMLElement; row: number; run: number } | null => {
    const element = (event.target as HTMLElement).closest<HTMLElement>('[data-run]');
    return element === null ? null : { element, row: Number(element.dataset['line']), run: Number(element.dataset['run']) };
  };
  const follow = (event: MouseEvent): void => {
    const link = (event.target as HTMLElement).closest<HTMLAnchorElement>('a[href]');
    if (link === null || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    router.history.push(link.getAttribute('href')!);
  };
  const hover = (event: MouseEvent): void => {
    const cell = cellOf(event);
    if (cell === null) return setHovered(null);
    const box = cell.element.getBoundingClientRect();
    setHovered({ row: cell.row, run: cell.run, x: box.left + box.width / 2, y: box.top });
  };
  const onKey = (event: KeyboardEvent): void => {
    const by = ({ ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowLeft: [0, 1], ArrowRight: [0, -1] } as Record<string, [number, number]>)[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const to = { row: Math.min(rows.length - 1, Math.max(0, active.row + by[0])), run: Math.min(runs - 1, Math.max(0, active.run + by[1])) };
    setActive(to);
    lines.scrollToIndex(to.row);
    const focus = (): boolean => {
      const cell = frame.current?.querySelector<HTMLElement>(`[data-line="${to.row}"][data-run="${to.run}"]`);
      cell?.focus();
      return cell !== null && cell !== undefined;
    };
    // What is out of sight is drawn first.
    if (!focus()) requestAnimationFrame(focus);
  };

  const to = Math.min(runs, columns.to);
  const width = NAMES_PX + Math.max(runs * COLUMN_PX + 24, DATE_PX);
  return (
    <div className="grid-frame card flush">
      <div className="grid-scroll" ref={frame} onScroll={() => { look(); setHovered(null); }} onClick={follow} onMouseOver={hover} onMouseLeave={() => setHovered(null)} onKeyDown={onKey} role="grid" aria-label={t('Runs and tasks')} aria-rowcount={rows.length + 1} aria-colcount={runs + 1}>
        <div style={{ height: lines.getTotalSize() + 12, width, position: 'relative' }}>
          <Head dagId={dagId} runs={board.runs} from={columns.from} to={to} longest={longest} />
          {lines.getVirtualItems().map((item) => (
            <Line
              key={rows[item.index]!.kind + rows[item.index]!.id} dagId={dagId} row={rows[item.index]!} line={item.index} top={item.start} board={board} from={columns.from} to={to} fold={fold}
              activeRun={active.row === item.index ? active.run : -1} hoveredRun={hovered === null ? -1 : hovered.run}
            />
          ))}
        </div>
      </div>
      {hovered !== null && hovered.row >= -1 && board.runs[hovered.run] !== undefined && <Hint board={board} row={hovered.row < 0 ? null : (rows[hovered.row] ?? null)} run={hovered.run} x={hovered.x} y={hovered.y} />}
    </div>
  );
}

const Head = memo(function Head({ dagId, runs, from, to, longest }: { readonly dagId: string; readonly runs: readonly BoardRun[]; readonly from: number; readonly to: number; readonly longest: number }) {
  const t = useWords();
  const { zone } = usePreferences();
  return (
    <div className="grid-head" style={{ height: HEAD_PX }} role="row" aria-rowindex={1}>
      <div className="grid-corner" style={{ width: NAMES_PX }} role="columnheader">
        <span className="faint small">{t('Duration')}</span>
        <span className="grid-scale faint small num"><i>{duration(longest)}</i><i>{duration(longest / 2)}</i><i>0</i></span>
      </div>
      {runs.slice(from, to).map((run, index) => {
        const at = from + index;
        const seconds = secondsBetween(run.start_date, run.end_date) ?? 0;
        return (
          <a
            key={run.run_id} className="grid-run" data-run={at} data-line={-1} role="columnheader" href={path`/dags/${dagId}/runs/${run.run_id}`} style={{ right: at * COLUMN_PX + 12, width: COLUMN_PX }}
            aria-label={`${run.run_id}, ${t(stateName(run.state))}`}
          >
            <i className={`grid-bar ${run.run_type}${run.state === 'running' ? ' beating' : ''}`} style={{ height: Math.max(3, (seconds / longest) * BAR_PX), background: stateColour(run.state) }} />
            {at % 10 === 0 && <span className="grid-date num">{instantText(run.run_after, zone, 'minute').slice(5, 16)}</span>}
          </a>
        );
      })}
    </div>
  );
});

interface LineProps {
  readonly dagId: string;
  readonly row: TaskRow;
  readonly line: number;
  readonly top: number;
  readonly board: Board;
  readonly from: number;
  readonly to: number;
  readonly fold: (group: string) => void;
  readonly activeRun: number;
  readonly hoveredRun: number;
}

const Line = memo(function Line({ dagId, row, line, top, board, from, to, fold, activeRun }: LineProps) {
  const t = useWords();
  const cells = [];
  for (let run = from; run < to; run++) {
    const letter = letterAt(board, row, run);
    if (letter === ABSENT) continue;
    const runId = board.runs[run]!.run_id;
    cells.push(
      <a
        key={runId} data-line={line} data-run={run} role="gridcell" aria-colindex={run + 2} tabIndex={run === activeRun ? 0 : -1} className={row.kind === 'group' ? 'cell group' : letter === 'r' ? 'cell beating' : 'cell'}
        href={row.kind === 'group' ? path`/dags/${dagId}/runs/${runId}` : path`/dags/${dagId}/runs/${runId}/tasks/${row.id}`}
        style={{ right: run * COLUMN_PX + 14, background: COLOURS[letter]! }} aria-label={`${row.label}, ${t(stateName(LETTERS[letter]!))}`}
      />,
    );
  }
  return (
    <div className={`line${row.isGone ? ' gone' : ''}`} role="row" aria-rowindex={line + 2} style={{ transform: `translateY(${top}px)`, height: ROW_PX }}>
      <div className="line-name" style={{ width: NAMES_PX, paddingInlineStart: 12 + row.depth * 14 }} role="rowheader">
        {row.kind === 'group' ? (
          <button type="button" onClick={() => fold(row.id)} aria-expanded={!row.isFolded} title={row.id}>
            {row.isFolded ? <IconChevronRight size={13} /> : <IconChevronDown size={13} />}
            <span className="clip">{row.label}</span>
            <em>{row.members.length}</em>
          </button>
        ) : <span className="clip" title={row.isGone ? `${row.id}: ${t('only in older versions')}` : row.id}>{row.label}{row.isMapped && <em>[ ]</em>}</span>}
      </div>
      {cells}
    </div>
  );
}, (before, after) => before.row === after.row && before.board === after.board && before.from === after.from && before.to === after.to && before.top === after.top && before.activeRun === after.activeRun && before.fold === after.fold && before.line === after.line);

function Hint({ board, row, run, x, y }: { readonly board: Board; readonly row: TaskRow | null; readonly run: number; readonly x: number; readonly y: number }) {
  const t = useWords();
  const { zone } = usePreferences();
  const facts = board.runs[run]!;
  const counts = row === null ? {} : countsAt(board, row, run);
  const total = Object.values(counts).reduce((sum, one) => sum + one, 0);
  return (
    <div className="hint" style={{ left: Math.min(Math.max(x, 150), window.innerWidth - 150), top: y }} aria-hidden="true">
      {row !== null && <strong>{row.label}</strong>}
      {row !== null && (total > 1 ? Object.entries(counts).map(([state, count]) => <span key={state}><i style={{ background: stateColour(state) }} />{count} {t(stateName(state))}</span>) : <span><i style={{ background: stateColour(Object.keys(counts)[0] ?? null) }} />{t(stateName(Object.keys(counts)[0] ?? null))}</span>)}
      {row === null && <span><i style={{ background: stateColour(facts.state) }} />{t(stateName(facts.state))} · {duration(secondsBetween(facts.start_date, facts.end_date))}</span>}
      <span className="num">{instantText(facts.logical_date ?? facts.run_after, zone)}</span>
      <span>{t(facts.run_type.replaceAll('_', ' '))} · v{facts.version}</span>
      {facts.note !== null && <span>“{facts.note.slice(0, 120)}”</span>}
    </div>
  );
}
