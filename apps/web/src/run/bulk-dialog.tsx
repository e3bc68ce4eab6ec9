import { Button, Chip, Group, Modal, Progress } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { tellDone } from '../feedback/feedback.js';
import { StateMark } from '../look/state-mark.js';
import { path, send } from '../rest/client.js';
import type { TaskInstance } from '../rest/shapes.js';
import { useWords } from '../words/words.js';

export type BulkAction = 'clear' | 'success' | 'failed' | 'skipped' | 'delete' | 'cancel';
type Reach = 'past' | 'future' | 'upstream' | 'downstream' | 'only_failed' | 'newest';

/** A run, or instances of one run. */
export interface BulkTarget {
  readonly dagId: string;
  readonly runId: string;
  readonly state: string | null;
  /** Null: the run itself. */
  readonly instances: readonly { readonly taskId: string; readonly mapIndex: number }[] | null;
}

interface Seen {
  readonly target: BulkTarget;
  readonly touched: readonly TaskInstance[];
  readonly failure: string | null;
}

/** Requests under way at once: the api serves others too. */
const AT_ONCE = 4;
const SHOWN = 60;
type Answer = { readonly task_instances?: readonly TaskInstance[] };

/** One action for many rows: what it touches is shown first, what was refused is told after. */
export function BulkDialog({ targets, to, close, done }: { readonly targets: readonly BulkTarget[]; readonly to: BulkAction; readonly close: () => void; readonly done: () => void }) {
  const t = useWords();
  const client = useQueryClient();
  const areRuns = targets[0]?.instances === null;
  const isSeen = to === 'clear' || !areRuns;
  const [reach, setReach] = useState<readonly Reach[]>(to === 'clear' ? (areRuns ? ['only_failed'] : ['downstream']) : []);
  const [asked] = useDebouncedValue(reach, 150);
  const [doneCount, setDoneCount] = useState<number | null>(null);
  const [failures, setFailures] = useState<readonly string[]>([]);
  const preview = useQuery({
    queryKey: ['bulk-preview', targets, to, asked],
    queryFn: () => inParts(targets, async (target): Promise<Seen> => {
      try {
        return { target, touched: await apply(target, to, asked, true), failure: null };
      } catch (error) {
        return { target, touched: [], failure: (error as Error).message };
      }
    }),
    enabled: isSeen, retry: false, gcTime: 0, placeholderData: (before) => before,
  });
  const seen = preview.data ?? [];
  const touched = [...new Map(seen.flatMap((one) => one.touched).map((one) => [`${one.dag_id} ${one.dag_run_id} ${one.task_id} ${one.map_index}`, one])).values()];
  const refused = seen.filter((one) => one.failure !== null);
  const count = isSeen ? touched.length : targets.length;
  const isBusy = doneCount !== null;

  const go = async (): Promise<void> => {
    const refusals: string[] = [];
    setDoneCount(0);
    await inParts(targets, async (target) => {
      try {
        await apply(target, to, reach, false);
      } catch (error) {
        refusals.push(`${target.dagId} / ${target.runId}: ${(error as Error).message}`);
      }
      setDoneCount((before) => (before ?? 0) + 1);
    });
    setDoneCount(null);
    setFailures(refusals);
    for (const subject of ['runs', 'instances', 'home', 'dags']) void client.invalidateQueries({ queryKey: [subject] });
    for (const dagId of new Set(targets.map((target) => target.dagId))) void client.invalidateQueries({ queryKey: ['dag', dagId] });
    if (refusals.length === 0) {
      close();
      done();
      tellDone(t('Done for {n}', { n: targets.length }));
    }
  };

  const title = to === 'clear' ? t('Clear: run again') : to === 'delete' ? t('Delete runs') : to === 'cancel' ? t('Cancel runs') : t('Mark as {state}', { state: t(to) });
  const choices: readonly (readonly [Reach, string])[] = [
    ...(areRuns || to === 'delete' || to === 'cancel' ? [] : ([['past', t('Past runs')], ['future', t('Future runs')], ['upstream', t('Upstream')], ['downstream', t('Downstream')]] as const)),
    ...(to === 'clear' ? ([['only_failed', t('Only failed')], ['newest', t('The newest version')]] as const) : []),
  ];
  const isDangerous = to === 'delete' || to === 'failed' || to === 'cancel';
  return (
    <Modal opened onClose={close} title={title} size="lg">
      <div className="form">
        <p className="soft">{areRuns ? t('{n} runs', { n: targets.length }) : t('{n} task instances chosen', { n: targets.reduce((sum, one) => sum + (one.instances?.length ?? 0), 0) })}</p>
        {choices.length > 0 && (
          <Chip.Group multiple value={[...reach]} onChange={(value) => setReach(value as Reach[])}>
            <Group gap={6} role="group" aria-label={t('Also')}>{choices.map(([value, text]) => <Chip key={value} value={value} size="xs" variant="light">{text}</Chip>)}</Group>
          </Chip.Group>
        )}
        <div className="preview" aria-live="polite">
          {isSeen ? (
            <>
              <strong>{preview.data === undefined ? t('Looking what it touches…') : t('{n} task instances', { n: touched.length })}</strong>
              <ul>
                {touched.slice(0, SHOWN).map((one) => <li key={`${one.dag_id} ${one.dag_run_id} ${one.task_id} ${one.map_index}`}><span className="mono clip">{one.dag_id}.{one.task_id}{one.map_index < 0 ? '' : ` [${one.map_index}]`}</span><span className="faint clip">{one.dag_run_id}</span><StateMark state={one.state} plain /></li>)}
                {touched.length > SHOWN && <li className="faint">{t('and {n} more', { n: touched.length - SHOWN })}</li>}
              </ul>
              {preview.data !== undefined && touched.length === 0 && <p className="soft">{t('None. Choose more, or there is nothing to do.')}</p>}
            </>
          ) : (
            <>
              <strong>{t('{n} runs', { n: targets.length })}</strong>
              <ul>{targets.slice(0, SHOWN).map((one) => <li key={`${one.dagId} ${one.runId}`}><span className="mono clip">{one.dagId}</span><span className="faint clip">{one.runId}</span><StateMark state={one.state} plain /></li>)}</ul>
              {to === 'delete' && <p className="soft">{t('With their tries and XComs. This cannot be undone.')}</p>}
            </>
          )}
        </div>
        {(refused.length > 0 || failures.length > 0) && (
          <div className="form-failure" role="alert">{failures.length > 0 ? <>{t('{n} were refused:', { n: failures.length })}<br />{failures.slice(0, 10).join('\n')}</> : <>{t('{n} would be refused:', { n: refused.length })}<br />{refused.slice(0, 10).map((one) => `${one.target.dagId} / ${one.target.runId}: ${one.failure}`).join('\n')}</>}</div>
        )}
        {isBusy && <Progress value={(100 * doneCount) / targets.length} aria-label={t('Progress')} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close}>{t('Cancel')}</Button>
          <Button color={isDangerous ? 'red' : undefined} disabled={count === 0} loading={isBusy} onClick={() => void go()}>
            {to === 'clear' ? t('Run {n} again', { n: count }) : to === 'delete' ? t('Delete {n}', { n: count }) : to === 'cancel' ? t('Cancel {n}', { n: count }) : t('Mark {n}', { n: count })}
          </Button>
        </Group>
      </div>
    </Modal>
  );
}

/** Chosen instances, those of one run together. */
export function targetsOf(instances: readonly TaskInstance[]): readonly BulkTarget[] {
  const byRun = new Map<string, BulkTarget & { readonly instances: { taskId: string; mapIndex: number }[] }>();
  for (const one of instances) {
    const key = JSON.stringify([one.dag_id, one.dag_run_id]);
    const target = byRun.get(key) ?? { dagId: one.dag_id, runId: one.dag_run_id, state: null, instances: [] };
    target.instances.push({ taskId: one.task_id, mapIndex: one.map_index });
    byRun.set(key, target);
  }
  return [...byRun.values()];
}

async function apply(target: BulkTarget, to: BulkAction, reach: readonly Reach[], isDry: boolean): Promise<readonly TaskInstance[]> {
  const run = path`/api/v2/dags/${target.dagId}/dagRuns/${target.runId}`;
  const onlyFailed = reach.includes('only_failed');
  if (target.instances === null) {
    if (to === 'clear') return (await send<Answer>('POST', `${run}/clear`, { only_failed: onlyFailed, run_on_latest_version: reach.includes('newest'), dry_run: isDry })).task_instances ?? [];
    if (to === 'delete') await send('DELETE', run);
    else if (to === 'cancel') await send('POST', path`/api/millrace/v1/dags/${target.dagId}/dagRuns/${target.runId}/cancel`, {});
    else await send('PATCH', run, { state: to });
    return [];
  }
  const includes = { include_past: reach.includes('past'), include_future: reach.includes('future'), include_upstream: reach.includes('upstream'), include_downstream: reach.includes('downstream') };
  if (to === 'clear') {
    const answer = await send<Answer>('POST', path`/api/v2/dags/${target.dagId}/clearTaskInstances`, {
      dry_run: isDry, only_failed: onlyFailed, run_on_latest_version: reach.includes('newest'), dag_run_id: target.runId, ...includes, task_ids: target.instances.map((one) => (one.mapIndex < 0 ? one.taskId : [one.taskId, one.mapIndex])),
    });
    return answer.task_instances ?? [];
  }
  const all: TaskInstance[] = [];
  for (const one of target.instances) {
    const at = `${run}/taskInstances/${encodeURIComponent(one.taskId)}${one.mapIndex < 0 ? '' : `/${one.mapIndex}`}`;
    all.push(...((await send<Answer>('PATCH', isDry ? `${at}/dry_run` : at, { new_state: to, ...includes })).task_instances ?? []));
  }
  return all;
}

/** In order, a few at once. */
async function inParts<T, R>(list: readonly T[], work: (one: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, list.length) }, async () => {
    while (next < list.length) {
      const at = next++;
      results[at] = await work(list[at]!);
    }
  }));
  return results;
}
