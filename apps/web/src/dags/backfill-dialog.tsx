import { Button, Checkbox, Group, Modal, NumberInput, Select, Switch, TextInput, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { FormEvent } from 'react';
import { tellDone } from '../feedback/feedback.js';
import { path, send } from '../rest/client.js';
import { instantOf, instantText, wallClock } from '../time/format.js';
import { usePreferences, zoneName } from '../time/preferences.js';
import { useWords } from '../words/words.js';
import { detailsQuery } from '../dag/queries.js';
import { usePause } from './actions.js';

const SHOWN = 8;

/** Runs for a span of the past: what would be made is shown before it is made. */
export function BackfillDialog({ dagId, close }: { readonly dagId: string; readonly close: () => void }) {
  const t = useWords();
  const navigate = useNavigate();
  const client = useQueryClient();
  const pause = usePause();
  const { zone } = usePreferences();
  const dag = useQuery(detailsQuery(dagId)).data;
  const [form, setForm] = useState(() => ({ from: dayBefore(7, zone), to: dayBefore(1, zone), reprocess: 'none', runs: 4, backwards: false, conf: '', unpause: true }));
  const change = (next: Partial<typeof form>): void => setForm((before) => ({ ...before, ...next }));
  const [asked] = useDebouncedValue(form, 250);
  const bodyOf = (values: typeof form) => ({
    dag_id: dagId, from_date: instantOf(values.from, zone), to_date: instantOf(values.to, zone), reprocess_behavior: values.reprocess, max_active_runs: values.runs, run_backwards: values.backwards,
    dag_run_conf: values.conf.trim() === '' ? {} : (JSON.parse(values.conf) as Record<string, unknown>),
  });
  const isWhole = form.from !== '' && form.to !== '';
  const preview = useQuery({
    queryKey: ['backfill-preview', dagId, asked],
    queryFn: () => send<{ backfills: { logical_date: string | null; partition_key: string | null }[]; total_entries: number }>('POST', '/api/v2/backfills/dry_run', bodyOf({ ...asked, conf: '' })),
    enabled: isWhole, retry: false, placeholderData: (before) => before,
  });
  const create = useMutation({
    mutationFn: () => send('POST', path`/api/v2/backfills`, bodyOf(form)),
    onSuccess: () => {
      if (dag?.is_paused === true && form.unpause) pause(dagId, false, true);
      close();
      tellDone(t('The backfill has begun'));
      void client.invalidateQueries({ queryKey: ['backfills'] });
      void navigate({ to: '/dags/$dagId/backfills', params: { dagId } });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    create.mutate();
  };
  const dates = preview.data?.backfills ?? [];
  const failure = create.error ?? preview.error;
  return (
    <Modal opened onClose={close} title={t('Backfill {dag}', { dag: dag?.dag_display_name ?? dagId })} size="lg">
      <form className="form" onSubmit={submit}>
        <Group grow gap="xs">
          <TextInput type="datetime-local" label={t('From')} description={zoneName(zone)} required withAsterisk={false} value={form.from} onChange={(event) => change({ from: event.currentTarget.value })} />
          <TextInput type="datetime-local" label={t('To')} description={zoneName(zone)} required withAsterisk={false} value={form.to} onChange={(event) => change({ to: event.currentTarget.value })} />
        </Group>
        <Group grow gap="xs" align="flex-start">
          <Select label={t('Dates that have run already')} allowDeselect={false} value={form.reprocess} onChange={(reprocess) => change({ reprocess: reprocess ?? 'none' })} data={[{ value: 'none', label: t('leave them') }, { value: 'failed', label: t('run failed ones again') }, { value: 'completed', label: t('run all of them again') }]} />
          <NumberInput label={t('Runs at the same time')} min={1} max={1000} value={form.runs} onChange={(runs) => change({ runs: Number(runs) || 1 })} />
        </Group>
        <Switch label={t('Newest first')} checked={form.backwards} onChange={(event) => change({ backwards: event.currentTarget.checked })} />
        {dag?.is_paused === true && <Checkbox checked={form.unpause} onChange={(event) => change({ unpause: event.currentTarget.checked })} label={t('Unpause the dag; a paused one starts nothing')} />}
        <details className="more">
          <summary>{t('Configuration of the runs')}</summary>
          <Textarea aria-label={t('Configuration (JSON)')} classNames={{ input: 'mono' }} autosize minRows={2} placeholder="{}" value={form.conf} onChange={(event) => change({ conf: event.currentTarget.value })} />
        </details>
        <div className="preview" aria-live="polite">
          <strong>{preview.data === undefined ? t('Looking what it would run…') : t('{n} runs', { n: preview.data.total_entries })}</strong>
          <ul>
            {dates.slice(0, SHOWN).map((one, index) => <li key={one.logical_date ?? index} className="num">{one.logical_date === null ? one.partition_key : instantText(one.logical_date, zone)}</li>)}
            {dates.length > SHOWN && <li className="faint">{t('and {n} more', { n: (preview.data?.total_entries ?? dates.length) - SHOWN })}</li>}
          </ul>
          {preview.data?.total_entries === 0 && <p className="soft">{t('The schedule has no such dates, or all of them have run.')}</p>}
        </div>
        {failure !== null && <p className="form-failure" role="alert">{failure instanceof SyntaxError ? t('The configuration is not JSON') : failure.message}</p>}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close}>{t('Cancel')}</Button>
          <Button type="submit" loading={create.isPending} disabled={!isWhole || preview.data?.total_entries === 0}>{preview.data === undefined ? t('Start backfill') : t('Start {n} runs', { n: preview.data.total_entries })}</Button>
        </Group>
      </form>
    </Modal>
  );
}

/** Midnight of so many days ago. */
function dayBefore(days: number, zone: string): string {
  return `${wallClock(new Date(Date.now() - days * 86_400_000).toISOString(), zone).slice(0, 10)}T00:00`;
}
