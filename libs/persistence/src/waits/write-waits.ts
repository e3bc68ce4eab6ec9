import type { InstanceId, RunId } from '@millrace/vocabulary';

/** An instance gave up its slot with this decision. */
export interface WaitWrite {
  readonly runId: RunId;
  readonly instanceId: InstanceId;
  readonly attemptSeq: number;
  readonly giveUpAtMs: number | null;
}

/** A wait that ended by something else than its time. */
export interface ResumeWrite {
  readonly runId: RunId;
  readonly instanceId: InstanceId;
  readonly by: 'event' | 'timeout';
  /** The signal whose payload is handed over; it and its doubles go away. */
  readonly signalId: string | null;
}

/** A question to a person, asked by the try that ends with this decision. */
export interface QuestionWrite {
  readonly runId: RunId;
  readonly instanceId: InstanceId;
  readonly tryNumber: number;
  readonly subject: string;
  readonly body: string | null;
  readonly options: readonly string[];
  readonly defaults: readonly string[] | null;
  readonly multiple: boolean;
  readonly paramsJson: string;
  readonly assigneesJson: string;
  readonly giveUpAtMs: number | null;
}

export interface WaitWrites {
  readonly waits: readonly WaitWrite[];
  readonly resumes: readonly ResumeWrite[];
  readonly questions: readonly QuestionWrite[];
  /** Instances that stopped waiting: their timers mean nothing any more. */
  readonly waitsOver: readonly InstanceId[];
  /** Instances that were cleared: the next wait is their first. */
  readonly waitsForgotten: readonly InstanceId[];
  /** Instances whose next try starts other work elsewhere: their work ended and led to this failure (`onlyEnded`), or they begin anew. */
  readonly workSettled: readonly { readonly instanceId: InstanceId; readonly onlyEnded: boolean }[];
}

interface Parameters {
  readonly p: (value: unknown) => string;
  readonly plain: (items: readonly (string | number | null)[]) => string;
}

/** The parts of the gated statement about waiting, and the letters they add to its name. Most decisions have none of them. */
export function waitParts({ waits, resumes, questions, waitsOver, waitsForgotten, workSettled }: WaitWrites, { p, plain }: Parameters): { letters: string; parts: string[] } {
  let letters = '';
  const parts: string[] = [];
  if (waits.length > 0) {
    letters += 'W';
    const ids = plain(waits.map((w) => w.instanceId));
    parts.push(`waited as (
  insert into instance_wait (instance_id, first_started_at, try_number, attempt_seq, give_up_at)
  select t.id, coalesce(t.start_date, now()), t.try_number, c.attempt_seq, to_timestamp(c.give_up / 1000)
  from unnest(${ids}::uuid[], ${plain(waits.map((w) => w.attemptSeq))}::int[], ${plain(waits.map((w) => w.giveUpAtMs))}::float8[]) as c(id, attempt_seq, give_up)
  join task_instance t on t.id = c.id and t.id = any(${ids}::uuid[])
  join gate g on g.id = t.dag_run_id
  on conflict (instance_id) do update set looks = instance_wait.looks + 1, try_number = excluded.try_number, attempt_seq = excluded.attempt_seq, since = now(), give_up_at = excluded.give_up_at,
    resumed_by = null, resumed_key = null, payload = null
)`);
  }
  if (resumes.length > 0) {
    letters += 'R';
    const ids = plain(resumes.map((r) => r.instanceId));
    const signals = plain(resumes.map((r) => r.signalId));
    parts.push(`resumed as (
  update instance_wait w set resumed_by = c.by, resumed_key = s.key, payload = s.payload
  from unnest(${ids}::uuid[], ${plain(resumes.map((r) => r.runId))}::uuid[], ${plain(resumes.map((r) => r.by))}::text[], ${signals}::uuid[]) as c(id, run_id, by, signal_id)
  join gate g on g.id = c.run_id
  left join instance_signal s on s.id = c.signal_id and s.id = any(${signals}::uuid[])
  where w.instance_id = any(${ids}::uuid[]) and w.instance_id = c.id
)`);
    parts.push(`handed_over as (
  delete from instance_signal d using instance_signal s, gate g
  where s.id = any(${signals}::uuid[]) and g.id = s.dag_run_id and d.instance_id = s.instance_id and d.key = s.key
)`);
  }
  if (questions.length > 0) {
    letters += 'Q';
    const ids = plain(questions.map((q) => q.instanceId));
    parts.push(`asked as (
  insert into hitl_detail (instance_id, try_number, dag_run_id, dag_id, run_id, task_id, subject, body, options, defaults, multiple, params, assignees, give_up_at)
  select t.id, c.try_number, t.dag_run_id, t.dag_id, t.run_id, t.task_id, c.subject, c.body, array(select jsonb_array_elements_text(c.options::jsonb)),
    case when c.defaults is not null then array(select jsonb_array_elements_text(c.defaults::jsonb)) end, c.multiple, c.params::jsonb, c.assignees::jsonb, to_timestamp(c.give_up / 1000)
  from unnest(${ids}::uuid[], ${plain(questions.map((q) => q.tryNumber))}::int[], ${p(questions.map((q) => q.subject))}::text[], ${p(questions.map((q) => q.body))}::text[],
    ${p(questions.map((q) => JSON.stringify(q.options)))}::text[], ${p(questions.map((q) => (q.defaults === null ? null : JSON.stringify(q.defaults))))}::text[],
    ${p(questions.map((q) => q.multiple))}::bool[], ${p(questions.map((q) => q.paramsJson))}::text[], ${p(questions.map((q) => q.assigneesJson))}::text[],
    ${plain(questions.map((q) => q.giveUpAtMs))}::float8[]) as c(id, try_number, subject, body, options, defaults, multiple, params, assignees, give_up)
  join task_instance t on t.id = c.id and t.id = any(${ids}::uuid[])
  join gate g on g.id = t.dag_run_id
  on conflict (instance_id, try_number) do update set subject = excluded.subject, body = excluded.body, options = excluded.options, defaults = excluded.defaults,
    multiple = excluded.multiple, params = excluded.params, assignees = excluded.assignees, give_up_at = excluded.give_up_at, created_at = now(),
    responded_at = null, responded_by_id = null, responded_by_name = null, chosen_options = null, params_input = null
)`);
  }
  if (waitsOver.length > 0) {
    letters += 'V';
    parts.push(`over as (delete from timer where instance_id = any(${plain(waitsOver)}::uuid[]) and dag_run_id in (select id from gate))`);
  }
  if (waitsForgotten.length > 0) {
    letters += 'F';
    parts.push(`forgotten as (
  delete from instance_wait w using task_instance t, gate g where w.instance_id = any(${plain(waitsForgotten)}::uuid[]) and t.id = w.instance_id and g.id = t.dag_run_id
)`);
  }
  if (workSettled.length > 0) {
    letters += 'S';
    parts.push(`settled as (
  update external_task e set settled_at = now() from gate g, unnest(${plain(workSettled.map((w) => w.instanceId))}::uuid[], ${p(workSettled.map((w) => w.onlyEnded))}::bool[]) as c(id, only_ended)
  where e.instance_id = any(${plain(workSettled.map((w) => w.instanceId))}::uuid[]) and e.instance_id = c.id and g.id = e.dag_run_id and e.settled_at is null
    and (e.ended_at is not null or not c.only_ended)
)`);
  }
  return { letters, parts };
}
