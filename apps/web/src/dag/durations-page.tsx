import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { useEffect, useMemo, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { Card } from '../chrome/page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { get, path } from '../rest/client.js';
import type { BoardRun } from '../rest/shapes.js';
import { duration, instantText, secondsBetween } from '../time/format.js';
import { usePreferences, zoneName } from '../time/preferences.js';
import { useWords } from '../words/words.js';
import { boardQuery } from './queries.js';

/** As everywhere else: 24 hours, and the day in ISO order. */
const HOURS: uPlot.Axis.Values = [
  [86_400, '{YYYY}-{MM}-{DD}', null, null, null, null, null, null, 1],
  [3_600, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, '\n{MM}-{DD}', null, null, null, 1],
  [60, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, '\n{MM}-{DD}', null, null, null, 1],
  [1, ':{ss}', '\n{YYYY}-{MM}-{DD} {HH}:{mm}', null, '\n{MM}-{DD} {HH}:{mm}', null, '\n{HH}:{mm}', null, 1],
];

interface TaskDurations {
  readonly task_id: string;
  readonly tries: number;
  readonly failures: number;
  readonly wait_median: number | null;
  readonly run_median: number | null;
  readonly run_p95: number | null;
  readonly run_max: number | null;
}

const route = getRouteApi('/shell/dags/$dagId/durations');

/** How long runs and tasks took; waiting told apart from running. */
export function DurationsPage() {
  const t = useWords();
  const { dagId } = route.useParams();
  const { runs = 50 } = route.useSearch();
  const navigate = route.useNavigate();
  const board = useQuery(boardQuery(dagId, {}, null, runs));
  const tasks = useQuery({ queryKey: ['dag', dagId, 'durations', runs], queryFn: ({ signal }) => get<{ tasks: TaskDurations[] }>(path`/api/millrace/v1/ui/dags/${dagId}/durations`, { runs }, signal), staleTime: 10_000 });
  return (
    <>
      <div className="filters"><SegmentedControl aria-label={t('Runs')} value={String(runs)} onChange={(value) => void navigate({ search: value === '50' ? {} : { runs: Number(value) }, replace: true })} data={['25', '50', '200', '400'].map((value) => ({ value, label: t('{n} runs', { n: value }) }))} /></div>
      <Loaded query={board}>
        {(data) => data.runs.length === 0 ? <Empty title={t('This dag has not run yet')} /> : <Card title={t('Runs')}><RunsChart dagId={dagId} runs={data.runs.toReversed()} /></Card>}
      </Loaded>
      <Loaded query={tasks}>
        {(data) => data.tasks.length === 0 ? null : <Card title={t('Tasks of these runs')} flush><TaskTable tasks={data.tasks} /></Card>}
      </Loaded>
    </>
  );
}

function TaskTable({ tasks }: { readonly tasks: readonly TaskDurations[] }) {
  const t = useWords();
  const sorted = tasks.toSorted((a, b) => (b.run_median ?? 0) - (a.run_median ?? 0));
  const longest = Math.max(0.001, ...sorted.map((task) => (task.wait_median ?? 0) + (task.run_p95 ?? 0)));
  return (
    <table className="table">
      <thead><tr><th>{t('Task')}</th><th style={{ width: '36%' }}>{t('Median, and most of the rest')}</th><th className="right">{t('Waited')}</th><th className="right">{t('Median')}</th><th className="right">95 %</th><th className="right wide-only">{t('Longest')}</th><th className="right wide-only">{t('Instances')}</th><th className="right wide-only">{t('Failed')}</th></tr></thead>
      <tbody>
        {sorted.map((task) => (
          <tr key={task.task_id}>
            <td className="clip-cell">{task.task_id}</td>
            <td><span className="time-bar"><i className="wait" style={{ width: `${(100 * (task.wait_median ?? 0)) / longest}%` }} /><i className="ran" style={{ width: `${(100 * (task.run_median ?? 0)) / longest}%` }} /><i className="rest" style={{ width: `${(100 * Math.max(0, (task.run_p95 ?? 0) - (task.run_median ?? 0))) / longest}%` }} /></span></td>
            <td className="right num soft">{duration(task.wait_median)}</td><td className="right num">{duration(task.run_median)}</td><td className="right num">{duration(task.run_p95)}</td><td className="right num wide-only">{duration(task.run_max)}</td><td className="right num soft wide-only">{task.tries}</td><td className="right num soft wide-only">{task.failures === 0 ? '' : task.failures}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function RunsChart({ dagId, runs }: { readonly dagId: string; readonly runs: readonly BoardRun[] }) {
  const t = useWords();
  const { zone } = usePreferences();
  const router = useRouter();
  const frame = useRef<HTMLDivElement>(null);
  const data = useMemo((): uPlot.AlignedData => [
    runs.map((run) => Date.parse(run.run_after) / 1_000),
    runs.map((run) => (run.start_date === null ? null : secondsBetween(run.start_date, run.end_date))),
    runs.map((run) => (run.start_date === null ? null : secondsBetween(run.queued_at, run.start_date))),
  ], [runs]);
  useEffect(() => {
    const element = frame.current!;
    const colour = (name: string): string => getComputedStyle(element).getPropertyValue(name).trim();
    const axis = { stroke: colour('--text-faint'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font: '11px Inter Variable' };
    const chart = new uPlot({
      width: element.clientWidth, height: 240, tzDate: (at) => uPlot.tzDate(new Date(at * 1_000), zoneName(zone)), legend: { live: true }, cursor: { points: { size: 7 } },
      axes: [{ ...axis, values: HOURS }, { ...axis, values: (_, splits) => splits.map((one) => duration(one)), size: 62 }],
      series: [
        { label: t('Time'), value: (_, value) => (value === null ? '—' : instantText(new Date(value * 1_000).toISOString(), zone, 'minute')) },
        { label: t('ran'), stroke: colour('--accent'), width: 2, fill: `color-mix(in srgb, ${colour('--accent')} 12%, transparent)`, value: (_, value) => duration(value), points: { show: runs.length < 80, size: 5, fill: colour('--accent') } },
        { label: t('waited'), stroke: colour('--state-queued'), width: 1.5, dash: [4, 3], value: (_, value) => duration(value), points: { show: false } },
      ],
    }, data, element);
    chart.over.addEventListener('click', () => {
      const run = runs[chart.cursor.idx ?? -1];
      if (run !== undefined) router.history.push(path`/dags/${dagId}/runs/${run.run_id}`);
    });
    const resized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: 240 }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      chart.destroy();
    };
  }, [data, runs, dagId, router, t, zone]);
  return <div ref={frame} className="chart" role="img" aria-label={t('Durations of {n} runs', { n: runs.length })} />;
}
