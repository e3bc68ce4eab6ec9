import { Button, Checkbox, Group, Radio } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { Card } from '../chrome/page.js';
import { ParamField } from '../dags/param-field.js';
import { fieldsOf, valueOf } from '../dags/params.js';
import { tellDone } from '../feedback/feedback.js';
import { Markdown } from '../look/markdown.js';
import { path, send } from '../rest/client.js';
import type { Param } from '../rest/shapes.js';
import { useMay } from '../session/session.js';
import { Ago } from '../time/instant.js';
import { usePreferences } from '../time/preferences.js';
import { useWords } from '../words/words.js';

export interface Question {
  readonly task_instance: { readonly id: string; readonly dag_id: string; readonly dag_run_id: string; readonly task_id: string; readonly map_index: number };
  readonly subject: string;
  readonly body: string | null;
  readonly options: readonly string[];
  readonly multiple: boolean;
  readonly defaults: readonly string[] | null;
  readonly params: Readonly<Record<string, unknown>>;
  readonly created_at: string;
  readonly assigned_users?: readonly { readonly name: string }[] | null;
  readonly response_received: boolean;
  readonly responded_at: string | null;
  readonly responded_by_user: { readonly name: string } | null;
  readonly chosen_options: readonly string[] | null;
  readonly params_input?: Readonly<Record<string, unknown>> | null;
}

/** What a task asks, with a field for each param and a button for each option. */
export function QuestionCard({ question, withTask = true }: { readonly question: Question; readonly withTask?: boolean }) {
  const t = useWords();
  const may = useMay();
  const client = useQueryClient();
  const { zone } = usePreferences();
  const { task_instance: instance } = question;
  const [chosen, setChosen] = useState<readonly string[]>(question.defaults ?? []);
  const params = useMemo(() => asParams(question.params), [question.params]);
  const fields = useMemo(() => fieldsOf(params, zone), [params, zone]);
  const [contents, setContents] = useState<Readonly<Record<string, string | boolean | readonly string[]>>>(() => Object.fromEntries(fields.map((field) => [field.name, field.initial])));
  const answer = useMutation({
    mutationFn: async (options: readonly string[]) => send('PATCH', path`/api/v2/dags/${instance.dag_id}/dagRuns/${instance.dag_run_id}/taskInstances/${instance.task_id}/${instance.map_index}/hitlDetails`, {
      chosen_options: options, params_input: Object.fromEntries(fields.filter((field) => !field.isFixed).map((field) => [field.name, valueOf(field, contents[field.name] ?? '', params, zone)])),
    }),
    onSuccess: () => tellDone(t('Answered; the task goes on')),
    onSettled: () => Promise.all([client.invalidateQueries({ queryKey: ['inbox'] }), client.invalidateQueries({ queryKey: ['dag', instance.dag_id] })]),
  });
  const mayAnswer = may('edit', 'task_instance');
  const given = Object.entries(question.params_input ?? {});
  return (
    <Card title={question.subject} aside={<span className="soft small">{withTask && <><Link to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId: instance.dag_id, runId: instance.dag_run_id, taskId: instance.task_id }} search={instance.map_index < 0 ? {} : { map: instance.map_index }}>{instance.dag_id} / {instance.task_id}</Link> · </>}<Ago at={question.created_at} /></span>}>
      <div className="form">
        {!question.response_received && (question.assigned_users ?? []).length > 0 && <p className="soft small">{t('Asked: {who}', { who: question.assigned_users!.map((user) => user.name).join(', ') })}</p>}
        {question.body !== null && question.body !== '' && <Markdown text={question.body} />}
        {question.response_received ? (
          <p className="soft">{t('{who} chose {what}', { who: question.responded_by_user?.name ?? '—', what: (question.chosen_options ?? []).join(', ') })} · <Ago at={question.responded_at} />{given.length > 0 && <span className="mono small block">{given.map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join(', ')}</span>}</p>
        ) : (
          <>
            {fields.map((field) => <ParamField key={field.name} field={mayAnswer ? field : { ...field, isFixed: true }} content={contents[field.name] ?? ''} change={(content) => setContents((before) => ({ ...before, [field.name]: content }))} />)}
            {answer.error !== null && <p className="form-failure" role="alert">{answer.error.message}</p>}
            {mayAnswer && (question.multiple || question.options.length > 4 ? (
              <>
                {question.multiple
                  ? <Checkbox.Group value={[...chosen]} onChange={setChosen} aria-label={t('Answer')}><Group gap="sm">{question.options.map((option) => <Checkbox key={option} value={option} label={option} />)}</Group></Checkbox.Group>
                  : <Radio.Group value={chosen[0] ?? null} onChange={(option) => setChosen([option])} aria-label={t('Answer')}><Group gap="sm">{question.options.map((option) => <Radio key={option} value={option} label={option} size="xs" />)}</Group></Radio.Group>}
                <Group justify="flex-end"><Button disabled={chosen.length === 0} loading={answer.isPending} onClick={() => answer.mutate(chosen)}>{t('Answer')}</Button></Group>
              </>
            ) : (
              <Group gap="xs">{question.options.map((option, index) => <Button key={option} variant={index === 0 ? 'filled' : 'default'} loading={answer.isPending} onClick={() => answer.mutate([option])}>{option}</Button>)}</Group>
            ))}
          </>
        )}
      </div>
    </Card>
  );
}

/** As the api gives them: values with their schema, or plain values. */
function asParams(params: Readonly<Record<string, unknown>>): Readonly<Record<string, Param>> {
  return Object.fromEntries(Object.entries(params).map(([name, param]) => {
    if (typeof param !== 'object' || param === null || !('value' in param)) return [name, { value: param, schema: {}, description: null }];
    const { value, schema, description } = param as { value: unknown; schema?: Record<string, unknown> | null; description?: string | null };
    return [name, { value, schema: schema ?? {}, description: description ?? null }];
  }));
}
