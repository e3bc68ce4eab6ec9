import { Pagination } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { SelectAll, SelectRow, useSelection } from '../chrome/selection.js';
import { useRowKeys } from '../chrome/shortcuts.js';
import { Loaded } from '../feedback/feedback.js';
import { StateMark } from '../look/state-mark.js';
import { get, path } from '../rest/client.js';
import type { TaskInstance } from '../rest/shapes.js';
import { InstanceBulk } from '../run/instance-bulk.js';
import { useMay } from '../session/session.js';
import { Instant, Took } from '../time/instant.js';
import { useWords } from '../words/words.js';

const PAGE_SIZE = 50;

const NONE: readonly TaskInstance[] = [];
const keyOf = (one: TaskInstance): string => String(one.map_index);

/** The instances of a mapped task, by state. */
export function MappedList({ dagId, runId, taskId, states }: { readonly dagId: string; readonly runId: string; readonly taskId: string; readonly states: Readonly<Record<string, number>> }) {
  const t = useWords();
  useRowKeys();
  const [state, setState] = useState<string | null>(null);
  const [page, setPage] = useState(1);
  const list = useQuery({
    queryKey: ['dag', dagId, 'run', runId, 'mapped', taskId, state, page],
    queryFn: ({ signal }) => get<{ task_instances: TaskInstance[]; total_entries: number }>(path`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/listMapped`, { state: state ?? undefined, limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE, order_by: 'map_index' }, signal),
    placeholderData: keepPreviousData,
  });
  const mayChange = useMay()('edit', 'task_instance');
  const selection = useSelection(list.data?.task_instances ?? NONE, keyOf);
  return (
    <>
      <div className="filters">
        <span className="state-picks" role="group" aria-label={t('State')}>
          {Object.entries(states).map(([name, count]) => <button type="button" key={name} aria-pressed={state === name} className={state === name ? 'on' : ''} onClick={() => { setState(state === name ? null : name); setPage(1); }}><StateMark state={name} plain /><em>{count}</em></button>)}
        </span>
      </div>
      {mayChange && <InstanceBulk selection={selection} />}
      <Loaded query={list}>
        {(data) => (
          <div className="card flush">
            <table className="table">
              <thead><tr>{mayChange && <SelectAll selection={selection} />}<th>{t('Index')}</th><th>{t('State')}</th><th className="right">{t('Try')}</th><th>{t('Started')}</th><th className="right">{t('Ran')}</th></tr></thead>
              <tbody>
                {data.task_instances.map((one) => (
                  <tr key={one.id} data-row className={selection.has(keyOf(one)) ? 'chosen' : ''}>
                    {mayChange && <SelectRow selection={selection} id={keyOf(one)} name={`${taskId} [${one.map_index}]`} />}
                    <td><Link to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId, runId, taskId }} search={{ map: one.map_index }}>[{one.map_index}]{one.rendered_map_index === null ? '' : ` ${one.rendered_map_index}`}</Link></td>
                    <td><StateMark state={one.state} /></td><td className="right num">{one.try_number}</td><td><Instant at={one.start_date} /></td><td className="right"><Took from={one.start_date} to={one.end_date} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
            {data.total_entries > PAGE_SIZE && <div className="table-foot"><Pagination size="xs" total={Math.ceil(data.total_entries / PAGE_SIZE)} value={page} onChange={setPage} /></div>}
          </div>
        )}
      </Loaded>
    </>
  );
}
