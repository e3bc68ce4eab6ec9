import { Button, Checkbox, Chip, Group, Modal } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { detailsQuery, runTasksQuery } from '../dag/queries.js';
import { tellDone } from '../feedback/feedback.js';
import { StateMark } from '../look/state-mark.js';
import { path, send } from '../rest/client.js';
import type { TaskInstance } from '../rest/shapes.js';
import { useWords } from '../words/words.js';

type Reach = 'past' | 'future' | 'upstream' | 'downstream' | 'only_failed';

export interface Target {
  readonly dagId: string;
  readonly runId: string;
  /** Null: the whole run. */
  readonly taskIds: readonly string[] | null;
  readonly mapIndex?: number | undefined;
}

const SHOWN = 40;

/** Run again, or set a state by hand; which instances that touches is shown first. */
export function ChangeDialog({ target, to, close }: { readonly target: Target; readonly to: 'clear' | 'success' | 'failed' | 'skipped'; readonly close: () => void }) {
  const t = useWords();
  const client = useQueryClient();
  const isRun = target.taskIds === null;
  const [reach, setReach] = useState<readonly Reach[]>(isRun ? ['only_failed'] : to === 'clear' ? ['downstream'] : []);
  const [asked] = useDebouncedValue(reach, 120);
  // Who clears after mending the code wants the mended code. A run that has not ended keeps its version.
  const run = useQuery(runTasksQuery(target.dagId, target.runId)).data?.run;
  const newest = useQuery(detailsQuery(target.dagId)).data?.latest_dag_version?.version_number;
  const isOlder = to === 'clear' && run !== undefined && newest !== undefined && run.version_number < newest;
  const [wantsNewest, setWantsNewest] = useState(true);
  const withNewest = isOlder && run.end_date !== null && wantsNewest;
  const preview = useQuery({
    queryKey: ['change-preview', target, to, asked],
    queryFn: () => ask(target, to, asked, true),
    retry: false, placeholderData: (before) => before, gcTime: 0,
  });
  const change = useMutation({
    mutationFn: () => ask(target, to, reach, false, withNewest),
    onSuccess: (made) => {
      close();
      tellDone(to === 'clear' ? t('{n} task instances run again', { n: made.length }) : t('{n} task instances are {state} now', { n: made.length, state: t(to) }));
      void client.invalidateQueries({ queryKey: ['dag', target.dagId] });
    },
  });
  const touched = preview.data ?? [];
  const failure = change.error ?? preview.error;
  const title = to === 'clear' ? t('Clear: run again') : t('Mark as {state}', { state: t(to) });
  const choices: readonly (readonly [Reach, string])[] = [
    ...(isRun ? [] : ([['past', t('Past runs')], ['future', t('Future runs')], ['upstream', t('Upstream')], ['downstream', t('Downstream')]] as const)),
    ...(to === 'clear' ? ([['only_failed', t('Only failed')]] as const) : []),
  ];
  return (
    <Modal opened onClose={close} title={title} size="lg">
      <div className="form">
        <p className="soft">{isRun ? target.runId : `${target.taskIds!.join(', ')}${target.mapIndex === undefined || target.mapIndex < 0 ? '' : ` [${target.mapIndex}]`} · ${target.runId}`}</p>
        {choices.length > 0 && (
          <Chip.Group multiple value={[...reach]} onChange={(value) => setReach(value as Reach[])}>
            <Group gap={6} role="group" aria-label={t('Also')}>{choices.map(([value, text]) => <Chip key={value} value={value} size="xs" variant="light">{text}</Chip>)}</Group>
          </Chip.Group>
        )}
        {isOlder && (
          <Checkbox
            checked={withNewest} disabled={run.end_date === null} onChange={(event) => setWantsNewest(event.currentTarget.checked)} label={t('With the newest code: v{new}; the run had v{old}', { new: newest, old: run.version_number })}
            description={run.end_date === null ? t('Not while the run goes on') : t('Tasks that are new run too, those that are gone are removed')}
          />
        )}
        <div className="preview" aria-live="polite">
          <strong>{preview.data === undefined ? t('Looking what it touches…') : t('{n} task instances', { n: touched.length })}</strong>
          <ul>
            {touched.slice(0, SHOWN).map((one) => <li key={one.id}><span className="mono clip">{one.task_id}{one.map_index < 0 ? '' : ` [${one.map_index}]`}</span>{one.dag_run_id !== target.runId && <span className="faint clip">{one.dag_run_id}</span>}<StateMark state={one.state} plain /></li>)}
            {touched.length > SHOWN && <li className="faint">{t('and {n} more', { n: touched.length - SHOWN })}</li>}
          </ul>
          {preview.data !== undefined && touched.length === 0 && <p className="soft">{t('None. Choose more, or there is nothing to do.')}</p>}
        </div>
        {failure !== null && <p className="form-failure" role="alert">{failure.message}</p>}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close}>{t('Cancel')}</Button>
          <Button color={to === 'failed' ? 'red' : undefined} disabled={touched.length === 0} loading={change.isPending} onClick={() => change.mutate()}>{to === 'clear' ? t('Run {n} again', { n: touched.length }) : t('Mark {n}', { n: touched.length })}</Button>
        </Group>
      </div>
    </Modal>
  );
}

async function ask(target: Target, to: string, reach: readonly Reach[], isDry: boolean, withNewest = false): Promise<readonly TaskInstance[]> {
  const includes = { include_past: reach.includes('past'), include_future: reach.includes('future'), include_upstream: reach.includes('upstream'), include_downstream: reach.includes('downstream') };
  const isMapped = target.mapIndex !== undefined && target.mapIndex >= 0;
  type Answer = { task_instances?: readonly TaskInstance[] };
  if (to === 'clear') {
    if (target.taskIds === null) {
      const body = { only_failed: reach.includes('only_failed'), run_on_latest_version: withNewest };
      const touched = (await send<Answer>('POST', path`/api/v2/dags/${target.dagId}/dagRuns/${target.runId}/clear`, { ...body, dry_run: true })).task_instances ?? [];
      if (!isDry) await send('POST', path`/api/v2/dags/${target.dagId}/dagRuns/${target.runId}/clear`, { ...body, dry_run: false });
      return touched;
    }
    const answer = await send<Answer>('POST', path`/api/v2/dags/${target.dagId}/clearTaskInstances`, {
      dry_run: isDry, run_on_latest_version: withNewest, only_failed: reach.includes('only_failed'), dag_run_id: target.runId, ...includes, task_ids: target.taskIds.map((task) => (isMapped ? [task, target.mapIndex] : task)),
    });
    return answer.task_instances ?? [];
  }
  const all: TaskInstance[] = [];
  for (const task of target.taskIds ?? []) {
    const at = path`/api/v2/dags/${target.dagId}/dagRuns/${target.runId}/taskInstances/${task}` + (isMapped ? `/${target.mapIndex}` : '');
    all.push(...((await send<Answer>('PATCH', isDry ? `${at}/dry_run` : at, { new_state: to, ...includes })).task_instances ?? []));
  }
  return all;
}
