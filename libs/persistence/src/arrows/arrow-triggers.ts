import { createHash } from 'node:crypto';
import { INSTANCE_ARROWS, RUN_ARROWS } from './arrow-table.js';
import type { ArrowRow } from './arrow-table.js';

/**
 * The database refuses what no decision may do, whoever writes. `after … when`: the arrows every task goes along are an expression so small that
 * a statement of one row does not feel it (the whole table costs each statement 0.3 ms to prepare); the rarer ones ask the function. A
 * `before` trigger would lock every row a second time.
 */
export function arrowTriggers(): string {
  return `
create or replace function check_instance_arrow() returns trigger language plpgsql as $f$
begin
  if (${instanceCondition()}) then return null; end if;
  ${REFUSE}
end
$f$;
create or replace function check_run_arrow() returns trigger language plpgsql as $f$
begin
  if (${caseOf(RUN_ARROWS)}) then return null; end if;
  ${REFUSE}
end
$f$;
drop trigger if exists instance_arrows on task_instance;
create trigger instance_arrows after update of state on task_instance for each row
when (old.state is distinct from new.state and not coalesce(case
  when new.attempt_id = old.attempt_id then (old.state = 'queued' and new.state = 'running') or (old.state = 'running' and new.state = 'success')
  when new.attempt_id is not null then new.state = 'queued' or new.state = 'running'
  else old.state is null and new.state = 'scheduled' and old.attempt_id is null end, false)) execute function check_instance_arrow();
drop trigger if exists run_arrows on dag_run;
create trigger run_arrows after update of state on dag_run for each row
when (old.state <> new.state and old.state <> 'queued' and (new.state = 'queued' or old.state <> 'running')) execute function check_run_arrow();
`;
}

const REFUSE = `raise exception '% %: there is no arrow from % to %', tg_table_name, new.id, coalesce(old.state, 'none'), coalesce(new.state, 'none')
    using errcode = 'check_violation', hint = 'States change by decisions only.';`;

/** Brings the triggers in step with the table of arrows; does nothing when they are. */
export async function syncArrowTriggers(query: (text: string) => Promise<unknown>): Promise<boolean> {
  const text = arrowTriggers();
  const mark = `arrows ${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
  const rows = (await query(
    `select obj_description(p.oid, 'pg_proc') as mark from pg_trigger t join pg_proc p on p.oid = t.tgfoid where t.tgname = 'instance_arrows' and t.tgrelid = 'task_instance'::regclass`,
  )) as { mark: string | null }[];
  if (rows[0]?.mark === mark) return false;
  await query('begin');
  try {
    await query(`${text} comment on function check_instance_arrow() is '${mark}'`);
    await query('commit');
  } catch (error) {
    await query('rollback');
    throw error;
  }
  return true;
}

function instanceCondition(): string {
  const of = (hadAttempt: boolean | null, attempt: ArrowRow['attempt']): string => {
    const byFrom = new Map<string, Set<string>>();
    for (const row of INSTANCE_ARROWS) {
      if (row.attempt !== attempt || (hadAttempt !== null && row.hadAttempt !== hadAttempt)) continue;
      byFrom.set(row.from, new Set([...(byFrom.get(row.from) ?? []), ...row.to]));
    }
    return caseOf([...byFrom].map(([from, to]) => ({ from, to: [...to] })));
  };
  return `case
  when new.attempt_id = old.attempt_id then ${of(true, 'kept')}
  when new.attempt_id is not null then ${of(null, 'new')}
  when old.attempt_id is not null then ${of(true, 'dropped')}
  else ${of(false, 'kept')} end`;
}

function caseOf(rows: readonly { readonly from: string; readonly to: readonly string[] }[]): string {
  const whens = rows.filter(({ to }) => to.length > 0).map(({ from, to }) => `when '${from}' then coalesce(new.state, 'none') in (${to.map((state) => `'${state}'`).join(', ')})`);
  return `coalesce(case coalesce(old.state, 'none') ${whens.join(' ')} end, false)`;
}
