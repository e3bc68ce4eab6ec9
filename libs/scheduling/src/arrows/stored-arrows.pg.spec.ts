import { randomUUID } from 'node:crypto';
import { RUN_NEXT, storedArrows } from '@millrace/engine';
import { INSTANCE_ARROWS, RUN_ARROWS } from '@millrace/persistence';
import { INSTANCE_STATES, RUN_STATES } from '@millrace/vocabulary';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const write = 'build libs/engine and run: node libs/persistence/write-arrow-table.mjs';
const document = { format: 1, dagId: 'arrows', tasks: [{ taskId: 'a', operator: 'TestOperator' }] } as const;

/** A run with one instance, in no service's hands. */
async function oneInstance(rig: SchedulerRig): Promise<string> {
  await rig.publish(document as never);
  const [version] = await rig.sql<{ id: string }>('select id from dag_version');
  const run = randomUUID();
  await rig.sql(`insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, run_after) values ($1, 'arrows', 'r', $2, 'running', 'manual', 'test', now())`, [run, version!.id]);
  await rig.sql(`insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, operator) values ($1, $2, 'arrows', 'r', 'a', 'TestOperator')`, [randomUUID(), run]);
  return run;
}

it(`the stored table is the engine's (${write})`, () => {
  expect(INSTANCE_ARROWS).toEqual(storedArrows());
  expect(Object.fromEntries(RUN_ARROWS.map(({ from, to }) => [from, to]))).toEqual(RUN_NEXT);
});

describe('the database', () => {
  it('allows every arrow of the engine’s and refuses every other, for all states and attempts', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 0 });
    await oneInstance(rig);
    await makeTryArrow(rig);
    const tried = await rig.sql<{ from: string; had: boolean; to: string; attempt: string; ok: boolean }>(
      `select f.s as "from", h.had, n.s as "to", c.attempt, try_arrow(nullif(f.s, 'none'), h.had, nullif(n.s, 'none'), c.attempt) as ok
       from unnest($1::text[]) f(s), (values (true), (false)) h(had), unnest($1::text[]) n(s), (values ('kept'), ('new'), ('dropped')) c(attempt)
       where f.s <> n.s and (h.had or c.attempt <> 'dropped')`,
      [['none', ...INSTANCE_STATES]],
    );
    const wrong = tried.filter(({ from, had, to, attempt, ok }) => {
      const row = storedArrows().find((arrow) => arrow.from === from && arrow.attempt === attempt && (attempt === 'new' || arrow.hadAttempt === had));
      return ok !== (row?.to.includes(to as never) ?? false);
    });
    expect(tried).toHaveLength(14 * 13 * 5);
    expect(wrong).toEqual([]);
  });

  it('does the same for runs', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 0 });
    const run = await oneInstance(rig);
    for (const from of RUN_STATES) {
      for (const to of RUN_STATES) {
        if (from === to) continue;
        await rig.sql(`alter table dag_run disable trigger run_arrows`);
        await rig.sql('update dag_run set state = $1 where id = $2', [from, run]);
        await rig.sql(`alter table dag_run enable trigger run_arrows`);
        const said = await rig.sql('update dag_run set state = $1 where id = $2', [to, run]).then(() => 'done', (error: Error) => error.message);
        expect(`${from} to ${to}: ${said}`).toBe(`${from} to ${to}: ${(RUN_NEXT[from] as readonly string[]).includes(to) ? 'done' : `dag_run ${run}: there is no arrow from ${from} to ${to}`}`);
      }
    }
  });
});

/** Sets the one instance to a state as it pleases, then tries the update. */
async function makeTryArrow(rig: SchedulerRig): Promise<void> {
  await rig.sql(`
    create function try_arrow(p_from text, p_had boolean, p_to text, p_attempt text) returns boolean language plpgsql as $f$
    declare v_old uuid := case when p_had then gen_random_uuid() end;
    begin
      delete from task_instance where task_id = 'a';
      insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, operator, state, attempt_id)
        select gen_random_uuid(), id, dag_id, run_id, 'a', 'TestOperator', p_from, v_old from dag_run;
      begin
        update task_instance set state = p_to, attempt_id = case p_attempt when 'kept' then v_old when 'new' then gen_random_uuid() end where task_id = 'a';
        return true;
      exception when check_violation then return false;
      end;
    end $f$`);
}
