import { Button, Checkbox, Group, Modal, TextInput, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import type { FormEvent } from 'react';
import { Loaded, tellDone } from '../feedback/feedback.js';
import { get, path, send } from '../rest/client.js';
import type { DagDetails, DagRun } from '../rest/shapes.js';
import { instantOf } from '../time/format.js';
import { usePreferences, zoneName } from '../time/preferences.js';
import { useWords } from '../words/words.js';
import { usePause } from './actions.js';
import { ParamField } from './param-field.js';
import { fieldsOf, valueOf } from './params.js';

type Contents = Readonly<Record<string, string | boolean | readonly string[]>>;

/** Starts a run: a form made of the dag's params, and everything else folded away. */
export function TriggerDialog({ dagId, close }: { readonly dagId: string; readonly close: () => void }) {
  const t = useWords();
  const details = useQuery({ queryKey: ['dag', dagId, 'details'], queryFn: ({ signal }) => get<DagDetails>(path`/api/v2/dags/${dagId}/details`, undefined, signal) });
  return (
    <Modal opened onClose={close} title={t('Trigger {dag}', { dag: details.data?.dag_display_name ?? dagId })} size="lg">
      <Loaded query={details}>{(dag) => <TriggerForm dag={dag} close={close} />}</Loaded>
    </Modal>
  );
}

function TriggerForm({ dag, close }: { readonly dag: DagDetails; readonly close: () => void }) {
  const t = useWords();
  const navigate = useNavigate();
  const client = useQueryClient();
  const pause = usePause();
  const { zone } = usePreferences();
  const fields = useMemo(() => fieldsOf(dag.params, zone), [dag.params, zone]);
  const [contents, setContents] = useState<Contents>(() => Object.fromEntries(fields.map((field) => [field.name, field.initial])));
  const [isUnpausing, setUnpausing] = useState(dag.is_paused);
  const [more, setMore] = useState({ runId: '', logicalDate: '', note: '', conf: '', partitionKey: '' });
  const [failure, setFailure] = useState<string | null>(null);

  const trigger = useMutation({
    mutationFn: async () => {
      const conf: Record<string, unknown> = more.conf.trim() === '' ? {} : (JSON.parse(more.conf) as Record<string, unknown>);
      for (const field of fields) if (!field.isFixed) conf[field.name] = valueOf(field, contents[field.name] ?? '', dag.params, zone);
      return send<DagRun>('POST', path`/api/v2/dags/${dag.dag_id}/dagRuns`, {
        logical_date: more.logicalDate === '' ? null : instantOf(more.logicalDate, zone), conf,
        ...(more.runId === '' ? {} : { dag_run_id: more.runId }), ...(more.note === '' ? {} : { note: more.note }), ...(more.partitionKey === '' ? {} : { partition_key: more.partitionKey }),
      });
    },
    onError: (error) => setFailure(error instanceof SyntaxError ? t('The configuration is not JSON') : error.message),
    onSuccess: (run) => {
      if (dag.is_paused && isUnpausing) pause(dag.dag_id, false, true);
      close();
      tellDone(t('Triggered {run}', { run: run.dag_run_id }));
      void client.invalidateQueries({ queryKey: ['dag', dag.dag_id] });
      void navigate({ to: '/dags/$dagId/runs/$runId', params: { dagId: dag.dag_id, runId: run.dag_run_id } });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setFailure(null);
    trigger.mutate();
  };
  const sections = [...new Set(fields.map((field) => field.section))];
  return (
    <form onSubmit={submit} className="form">
      {fields.length === 0 && <p className="soft">{t('This dag has no params. It can be started as it is.')}</p>}
      {sections.map((section) => (
        <fieldset key={section ?? ''}>
          {section !== null && <legend>{section}</legend>}
          {fields.filter((field) => field.section === section).map((field) => (
            <ParamField key={field.name} field={field} content={contents[field.name] ?? ''} change={(content) => setContents((before) => ({ ...before, [field.name]: content }))} />
          ))}
        </fieldset>
      ))}
      {dag.is_paused && <Checkbox checked={isUnpausing} onChange={(event) => setUnpausing(event.currentTarget.checked)} label={t('Unpause the dag; a paused one starts nothing')} />}
      <details className="more">
        <summary>{t('More: run id, logical date, configuration, note')}</summary>
        <div className="form">
          <TextInput label={t('Run id')} placeholder={t('made for you')} value={more.runId} onChange={(event) => { const { value } = event.currentTarget; setMore((before) => ({ ...before, runId: value })); }} />
          <TextInput type="datetime-local" label={t('Logical date')} description={`${zoneName(zone)} · ${t('Empty: none')}`} value={more.logicalDate} onChange={(event) => { const { value } = event.currentTarget; setMore((before) => ({ ...before, logicalDate: value })); }} />
          <TextInput label={t('Partition key')} value={more.partitionKey} onChange={(event) => { const { value } = event.currentTarget; setMore((before) => ({ ...before, partitionKey: value })); }} />
          <Textarea label={t('Further configuration (JSON)')} classNames={{ input: 'mono' }} autosize minRows={2} placeholder="{}" value={more.conf} onChange={(event) => { const { value } = event.currentTarget; setMore((before) => ({ ...before, conf: value })); }} />
          <Textarea label={t('Note')} autosize minRows={1} value={more.note} onChange={(event) => { const { value } = event.currentTarget; setMore((before) => ({ ...before, note: value })); }} />
        </div>
      </details>
      {failure !== null && <p className="form-failure" role="alert">{failure}</p>}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={close}>{t('Cancel')}</Button>
        <Button type="submit" loading={trigger.isPending} leftSection={<IconPlayerPlay size={14} />}>{t('Trigger')}</Button>
      </Group>
    </form>
  );
}
