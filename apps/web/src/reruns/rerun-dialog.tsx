import { Button, Checkbox, Group, Modal, MultiSelect, NumberInput, SegmentedControl, Select, TextInput, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { FormEvent } from 'react';
import { structureQuery } from '../dag/queries.js';
import { path, send } from '../rest/client.js';
import { instantOf } from '../time/format.js';
import { usePreferences, zoneName } from '../time/preferences.js';
import { useWords } from '../words/words.js';
import type { RerunDraft } from './rerun-shapes.js';

/** What is to run again. It makes a draft: what that would do is looked at on its own page, and only then applied. */
export function RerunDialog({ dagId, runIds, close }: { readonly dagId: string; readonly runIds: readonly string[]; readonly close: () => void }) {
  const t = useWords();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { zone } = usePreferences();
  const tasks = useQuery(structureQuery(dagId)).data?.tasks ?? [];
  const [form, setForm] = useState({
    from: '', to: '', states: runIds.length > 0 ? ([] as string[]) : ['failed'], tasks: [] as string[], upstream: false, downstream: true, onlyFailed: runIds.length === 0, newestFirst: false, runs: '' as number | '', isLatest: false, conf: '', note: '',
  });
  const change = (next: Partial<typeof form>): void => setForm((before) => ({ ...before, ...next }));
  const plan = useMutation({
    mutationFn: async () => send<RerunDraft>('POST', path`/api/millrace/v1/dags/${dagId}/reruns`, {
      ...(runIds.length > 0 ? { run_ids: runIds } : {}),
      ...(form.from === '' ? {} : { from_date: instantOf(form.from, zone) }), ...(form.to === '' ? {} : { to_date: instantOf(form.to, zone) }),
      ...(form.states.length === 0 ? {} : { run_states: form.states }), ...(form.tasks.length === 0 ? {} : { task_ids: form.tasks, include_upstream: form.upstream, include_downstream: form.downstream }),
      only_failed: form.onlyFailed, order: form.newestFirst ? 'newest_first' : 'oldest_first', ...(form.runs === '' ? {} : { max_active_runs: form.runs }), version: form.isLatest ? 'latest' : 'original',
      ...(form.conf.trim() === '' ? {} : { conf: JSON.parse(form.conf) as unknown }), ...(form.note === '' ? {} : { note: form.note }),
    }),
    onSuccess: (draft) => {
      client.setQueryData(['dag', dagId, 'rerun-left-out', draft.id], { left_out: draft.left_out, left_out_total: draft.left_out_total });
      void client.invalidateQueries({ queryKey: ['dag', dagId, 'reruns'] });
      close();
      void navigate({ to: '/dags/$dagId/reruns', params: { dagId }, search: { id: draft.id } });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    plan.mutate();
  };
  return (
    <Modal opened onClose={close} title={t('Plan a re-run of {dag}', { dag: dagId })} size="lg">
      <form className="form" onSubmit={submit}>
        <p className="soft">{runIds.length > 0 ? t('{n} chosen runs. Nothing changes before you have seen the plan.', { n: runIds.length }) : t('Which runs, and which of their tasks. Nothing changes before you have seen the plan.')}</p>
        {runIds.length === 0 && (
          <>
            <Group grow gap="xs">
              <TextInput type="datetime-local" label={t('Logical date from')} description={zoneName(zone)} value={form.from} onChange={(event) => change({ from: event.currentTarget.value })} />
              <TextInput type="datetime-local" label={t('To')} description={zoneName(zone)} value={form.to} onChange={(event) => change({ to: event.currentTarget.value })} />
            </Group>
            <MultiSelect label={t('Runs that are')} placeholder={form.states.length === 0 ? t('Any state') : undefined} value={form.states} onChange={(states) => change({ states })} data={['failed', 'success', 'running', 'queued'].map((value) => ({ value, label: t(value) }))} clearable />
          </>
        )}
        <MultiSelect label={t('Tasks')} placeholder={form.tasks.length === 0 ? t('All tasks') : undefined} searchable clearable limit={100} value={form.tasks} onChange={(chosen) => change({ tasks: chosen })} data={tasks.map((task) => task.id)} />
        <Group gap="md">
          <Checkbox checked={form.onlyFailed} onChange={(event) => change({ onlyFailed: event.currentTarget.checked })} label={t('Only what failed')} />
          {form.tasks.length > 0 && <Checkbox checked={form.upstream} onChange={(event) => change({ upstream: event.currentTarget.checked })} label={t('Upstream too')} />}
          {form.tasks.length > 0 && <Checkbox checked={form.downstream} onChange={(event) => change({ downstream: event.currentTarget.checked })} label={t('Downstream too')} />}
        </Group>
        <Group gap="md" align="flex-end">
          <SegmentedControl aria-label={t('Order')} value={form.newestFirst ? 'newest' : 'oldest'} onChange={(value) => change({ newestFirst: value === 'newest' })} data={[{ value: 'oldest', label: t('Oldest first') }, { value: 'newest', label: t('Newest first') }]} />
          <Select aria-label={t('Dag version')} w={220} allowDeselect={false} value={form.isLatest ? 'latest' : 'original'} onChange={(value) => change({ isLatest: value === 'latest' })} data={[{ value: 'original', label: t('The version each run had') }, { value: 'latest', label: t('The newest version') }]} />
          <NumberInput label={t('Runs at the same time')} placeholder={t('as the dag allows')} min={1} max={10_000} w={180} value={form.runs} onChange={(runs) => change({ runs: runs === '' ? '' : Number(runs) })} />
        </Group>
        <details className="more">
          <summary>{t('More: configuration, note')}</summary>
          <div className="form">
            <Textarea label={t('Configuration in place of their own (JSON)')} classNames={{ input: 'mono' }} autosize minRows={2} placeholder="{}" value={form.conf} onChange={(event) => change({ conf: event.currentTarget.value })} />
            <TextInput label={t('Note')} maxLength={1_000} value={form.note} onChange={(event) => change({ note: event.currentTarget.value })} />
          </div>
        </details>
        {plan.error !== null && <p className="form-failure" role="alert">{plan.error instanceof SyntaxError ? t('The configuration is not JSON') : plan.error.message}</p>}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close}>{t('Cancel')}</Button>
          <Button type="submit" loading={plan.isPending}>{t('Show the plan')}</Button>
        </Group>
      </form>
    </Modal>
  );
}
