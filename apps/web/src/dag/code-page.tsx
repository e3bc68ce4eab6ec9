import { SegmentedControl, Select } from '@mantine/core';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Empty, Loaded } from '../feedback/feedback.js';
import { CodeView, languageOf, useHighlighted } from '../look/code-view.js';
import { get, path } from '../rest/client.js';
import type { Structure } from '../rest/shapes.js';
import { instantText } from '../time/format.js';
import { usePreferences } from '../time/preferences.js';
import { useWords } from '../words/words.js';
import { GraphView } from './graph-view.js';
import { detailsQuery, structureQuery } from './queries.js';
import { differenceOf } from './version-difference.js';

interface Version {
  readonly version_number: number;
  readonly created_at: string;
}
export interface CodeSearch {
  readonly version?: number | undefined;
  readonly with?: number | undefined;
  readonly show?: 'graph' | undefined;
}

const route = getRouteApi('/shell/dags/$dagId/code');
/** Unchanged lines shown around a change. */
const AROUND = 4;

const sourceQuery = (dagId: string, version: number) => queryOptions({ queryKey: ['source', dagId, version], queryFn: ({ signal }) => get<{ content: string }>(path`/api/v2/dagSources/${dagId}`, { version_number: version }, signal), staleTime: Infinity });

/** The code of a version, or what is different between two: as text and as graph. */
export function CodePage() {
  const t = useWords();
  const { dagId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { zone } = usePreferences();
  const versions = useQuery({ queryKey: ['dag', dagId, 'versions'], queryFn: ({ signal }) => get<{ dag_versions: Version[] }>(path`/api/v2/dags/${dagId}/dagVersions`, { limit: 200, order_by: '-version_number' }, signal), staleTime: 10_000 });
  const file = useQuery(detailsQuery(dagId)).data?.relative_fileloc ?? '';
  return (
    <Loaded query={versions}>
      {(data) => {
        const list = data.dag_versions.toSorted((a, b) => b.version_number - a.version_number);
        const newest = list[0]?.version_number;
        if (newest === undefined) return <Empty title={t('There is no version yet')} />;
        const version = search.version ?? newest;
        const options = list.map((one) => ({ value: String(one.version_number), label: `v${one.version_number} · ${instantText(one.created_at, zone, 'minute')}${one.version_number === newest ? ` · ${t('newest')}` : ''}` }));
        const change = (next: Partial<CodeSearch>): void => void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
        return (
          <>
            <div className="filters">
              <Select aria-label={t('Version')} w={250} allowDeselect={false} value={String(version)} data={options} onChange={(value) => change({ version: value === null || Number(value) === newest ? undefined : Number(value) })} />
              {list.length > 1 && <Select aria-label={t('Compare with')} placeholder={t('Compare with…')} w={250} clearable value={search.with === undefined ? null : String(search.with)} data={options.filter((option) => option.value !== String(version))} onChange={(value) => change({ with: value === null ? undefined : Number(value) })} />}
              {search.with !== undefined && <SegmentedControl aria-label={t('Show')} value={search.show ?? 'code'} onChange={(show) => change({ show: show === 'graph' ? 'graph' : undefined })} data={[{ value: 'code', label: t('Code') }, { value: 'graph', label: t('Graph') }]} />}
              <span className="spacer" /><span className="mono faint small">{file}</span>
            </div>
            {search.with === undefined ? <Source dagId={dagId} version={version} language={languageOf(file)} />
              : search.show === 'graph' ? <GraphDifference dagId={dagId} from={search.with} to={version} />
              : <CodeDifference dagId={dagId} from={search.with} to={version} language={languageOf(file)} />}
          </>
        );
      }}
    </Loaded>
  );
}

function Source({ dagId, version, language }: { readonly dagId: string; readonly version: number; readonly language: string }) {
  const t = useWords();
  const source = useQuery(sourceQuery(dagId, version));
  return <Loaded query={source}>{(data) => data.content === '' ? <Empty title={t('The source of this version is not kept')} /> : <div className="card flush"><CodeView code={data.content} language={language} /></div>}</Loaded>;
}

interface DifferenceLine {
  readonly kind: 'same' | 'added' | 'removed' | 'gap';
  readonly before: number | null;
  readonly after: number | null;
}

function CodeDifference({ dagId, from, to, language }: { readonly dagId: string; readonly from: number; readonly to: number; readonly language: string }) {
  const before = useQuery(sourceQuery(dagId, from));
  const after = useQuery(sourceQuery(dagId, to));
  return <Loaded query={before}>{(old) => <Loaded query={after}>{(now) => <Difference before={old.content} after={now.content} language={language} />}</Loaded>}</Loaded>;
}

function Difference({ before, after, language }: { readonly before: string; readonly after: string; readonly language: string }) {
  const t = useWords();
  const was = useHighlighted(before, language);
  const now = useHighlighted(after, language);
  const lines = useQuery({ queryKey: ['difference', before, after], queryFn: () => differenceLines(before, after), staleTime: Infinity, gcTime: 30_000 });
  return (
    <Loaded query={lines}>
      {(shown) => shown.length === 0 ? <Empty title={t('The code is the same')} /> : (
        <div className="card flush">
          <pre className="code difference" tabIndex={0}>
            {shown.map((line, index) => line.kind === 'gap' ? <span key={index} className="code-line gap">⋯</span> : (
              <span key={index} className={`code-line ${line.kind}`}>
                <span className="code-number-column" aria-hidden="true">{line.before ?? ''}</span><span className="code-number-column" aria-hidden="true">{line.after ?? ''}</span>
                <span className="code-sign">{line.kind === 'added' ? '+' : line.kind === 'removed' ? '−' : ' '}</span><span>{line.kind === 'removed' ? was[line.before! - 1] : now[line.after! - 1]}</span>
              </span>
            ))}
          </pre>
        </div>
      )}
    </Loaded>
  );
}

async function differenceLines(before: string, after: string): Promise<readonly DifferenceLine[]> {
  const { diffLines } = await import('diff');
  const all: DifferenceLine[] = [];
  let [old, now] = [0, 0];
  for (const part of diffLines(before, after)) {
    for (let count = part.count ?? 0; count > 0; count--) {
      if (part.added) all.push({ kind: 'added', before: null, after: ++now });
      else if (part.removed) all.push({ kind: 'removed', before: ++old, after: null });
      else all.push({ kind: 'same', before: ++old, after: ++now });
    }
  }
  const isNear = all.map(() => false);
  all.forEach((line, at) => {
    if (line.kind !== 'same') for (let near = Math.max(0, at - AROUND); near <= Math.min(all.length - 1, at + AROUND); near++) isNear[near] = true;
  });
  const shown: DifferenceLine[] = [];
  all.forEach((line, at) => {
    if (isNear[at] === true) shown.push(line);
    else if (shown.length > 0 && shown.at(-1)!.kind !== 'gap') shown.push({ kind: 'gap', before: null, after: null });
  });
  return shown;
}

function GraphDifference({ dagId, from, to }: { readonly dagId: string; readonly from: number; readonly to: number }) {
  const before = useQuery(structureQuery(dagId, from));
  const after = useQuery(structureQuery(dagId, to));
  return <Loaded query={before}>{(old) => <Loaded query={after}>{(now) => <MergedGraph before={old} after={now} />}</Loaded>}</Loaded>;
}

function MergedGraph({ before, after }: { readonly before: Structure; readonly after: Structure }) {
  const t = useWords();
  const { merged, marks } = useMemo(() => differenceOf(before, after), [before, after]);
  const count = (kind: string): number => [...marks.values()].filter((mark) => mark === kind).length;
  return (
    <div className="graph-page">
      <p className="soft small legend-line"><span><i className="swatch added" />{t('{n} added', { n: count('added') })}</span><span><i className="swatch removed" />{t('{n} removed', { n: count('removed') })}</span><span><i className="swatch changed" />{t('{n} changed', { n: count('changed') })}</span></p>
      <GraphView structure={merged} states={null} pick={() => undefined} marks={marks} />
    </div>
  );
}
