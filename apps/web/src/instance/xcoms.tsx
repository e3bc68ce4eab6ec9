import { useQuery } from '@tanstack/react-query';
import { Card } from '../chrome/page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { JsonView } from '../look/json-view.js';
import { get, path } from '../rest/client.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';

interface Entry {
  readonly key: string;
  readonly timestamp: string;
  readonly map_index: number;
}

/** What the task handed on. */
export function XComs({ dagId, runId, taskId, mapIndex }: { readonly dagId: string; readonly runId: string; readonly taskId: string; readonly mapIndex: number }) {
  const t = useWords();
  const at = path`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/xcomEntries`;
  const entries = useQuery({ queryKey: ['dag', dagId, 'run', runId, 'xcoms', taskId, mapIndex], queryFn: ({ signal }) => get<{ xcom_entries: Entry[] }>(at, { map_index: mapIndex, limit: 100 }, signal) });
  return (
    <Loaded query={entries}>
      {(data) => data.xcom_entries.length === 0 ? <Empty title={t('It handed nothing on')} /> : data.xcom_entries.map((entry) => (
        <Card key={`${entry.key} ${entry.map_index}`} title={<span className="mono">{entry.key}</span>} aside={<Ago at={entry.timestamp} />}><Value at={at} entry={entry} dagId={dagId} runId={runId} /></Card>
      ))}
    </Loaded>
  );
}

function Value({ at, entry, dagId, runId }: { readonly at: string; readonly entry: Entry; readonly dagId: string; readonly runId: string }) {
  const value = useQuery({ queryKey: ['dag', dagId, 'run', runId, 'xcom', at, entry.key, entry.map_index, entry.timestamp], queryFn: ({ signal }) => get<{ value: unknown }>(`${at}/${encodeURIComponent(entry.key)}`, { map_index: entry.map_index }, signal) });
  return <Loaded query={value} rows={2}>{(data) => <JsonView value={data.value} label={entry.key} />}</Loaded>;
}
