import { Button, Checkbox, Group, Radio, SegmentedControl, Textarea } from '@mantine/core';
import { IconInbox } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Card, Page } from '../chrome/page.js';
import { Empty, Loaded, tellDone } from '../feedback/feedback.js';
import { Markdown } from '../look/markdown.js';
import { get, path, send } from '../rest/client.js';
import { useMay } from '../session/session.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';

interface Question {
  readonly task_instance: { readonly id: string; readonly dag_id: string; readonly dag_run_id: string; readonly task_id: string; readonly map_index: number };
  readonly subject: string;
  readonly body: string | null;
  readonly options: readonly string[];
  readonly multiple: boolean;
  readonly defaults: readonly string[] | null;
  readonly params: Readonly<Record<string, unknown>>;
  readonly created_at: string;
  readonly response_received: boolean;
  readonly responded_at: string | null;
  readonly responded_by_user: { readonly name: string } | null;
  readonly chosen_options: readonly string[] | null;
}

/** What tasks ask people. */
export function InboxPage() {
  const t = useWords();
  const [isOpen, setOpen] = useState(true);
  const list = useQuery({ queryKey: ['inbox', isOpen], queryFn: ({ signal }) => get<{ hitl_details: Question[] }>('/api/v2/dags/~/dagRuns/~/hitlDetails', { response_received: !isOpen, limit: 50, order_by: isOpen ? 'created_at' : '-responded_at' }, signal), retry: false });
  return (
    <Page title={t('Inbox')} actions={<SegmentedControl aria-label={t('Show')} value={isOpen ? 'open' : 'answered'} onChange={(value) => setOpen(value === 'open')} data={[{ value: 'open', label: t('Waiting') }, { value: 'answered', label: t('Answered') }]} />}>
      <Loaded query={list}>
        {(data) => data.hitl_details.length === 0 ? <Empty title={isOpen ? t('No task waits for an answer') : t('Nothing has been answered yet')} icon={<IconInbox />} /> : data.hitl_details.map((question) => <QuestionCard key={`${question.task_instance.id} ${question.created_at}`} question={question} />)}
      </Loaded>
    </Page>
  );
}

function QuestionCard({ question }: { readonly question: Question }) {
  const t = useWords();
  const may = useMay();
  const client = useQueryClient();
  const { task_instance: instance } = question;
  const [chosen, setChosen] = useState<readonly string[]>(question.defaults ?? []);
  const [input, setInput] = useState(() => JSON.stringify(valuesOf(question.params), null, 2));
  const hasParams = Object.keys(question.params).length > 0;
  const answer = useMutation({
    mutationFn: (options: readonly string[]) => send('PATCH', path`/api/v2/dags/${instance.dag_id}/dagRuns/${instance.dag_run_id}/taskInstances/${instance.task_id}/${instance.map_index}/hitlDetails`, { chosen_options: options, params_input: hasParams ? (JSON.parse(input) as unknown) : {} }),
    onSuccess: () => tellDone(t('Answered; the task goes on')),
    onSettled: () => client.invalidateQueries({ queryKey: ['inbox'] }),
  });
  return (
    <Card title={question.subject} aside={<span className="soft small"><Link to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId: instance.dag_id, runId: instance.dag_run_id, taskId: instance.task_id }} search={instance.map_index < 0 ? {} : { map: instance.map_index }}>{instance.dag_id} / {instance.task_id}</Link> · <Ago at={question.created_at} /></span>}>
      <div className="form">
        {question.body !== null && question.body !== '' && <Markdown text={question.body} />}
        {question.response_received ? <p className="soft">{t('{who} chose {what}', { who: question.responded_by_user?.name ?? '—', what: (question.chosen_options ?? []).join(', ') })} · <Ago at={question.responded_at} /></p> : (
          <>
            {hasParams && <Textarea label={t('Input (JSON)')} classNames={{ input: 'mono' }} autosize minRows={2} value={input} onChange={(event) => setInput(event.currentTarget.value)} />}
            {answer.error !== null && <p className="form-failure" role="alert">{answer.error instanceof SyntaxError ? t('The configuration is not JSON') : answer.error.message}</p>}
            {may('edit', 'task_instance') && (question.multiple || question.options.length > 4 ? (
              <>
                {question.multiple
                  ? <Checkbox.Group value={[...chosen]} onChange={setChosen}><Group gap="sm">{question.options.map((option) => <Checkbox key={option} value={option} label={option} />)}</Group></Checkbox.Group>
                  : <Radio.Group value={chosen[0] ?? null} onChange={(option) => setChosen([option])}><Group gap="sm">{question.options.map((option) => <Radio key={option} value={option} label={option} size="xs" />)}</Group></Radio.Group>}
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

/** Params with a schema stand for their values. */
function valuesOf(params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(params).map(([name, param]) => [name, typeof param === 'object' && param !== null && 'value' in param ? param.value : param]));
}
