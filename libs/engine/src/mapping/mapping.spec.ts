import { describe, expect, it } from 'vitest';
import { compilePlan } from '../graph/compile-plan.js';
import type { PlanSource } from '../graph/plan.js';
import { dag, expected, play } from '../scenario/scenario.js';

function check(source: PlanSource, script: string): void {
  expect(play(source, script)).toBe(expected(script));
}

describe('an expanded task', () => {
  it('has an instance for each element of a list, once its length is known', () => {
    check(dag('list\n each <- list [expand=list]\n sum <- each'), `
      start           | queue list#1
      list success 3  | each=removed, queue each[0]#1, queue each[1]#1, queue each[2]#1
      each[1] success |
      each[0] success |
      each[2] success | queue sum#1
      sum success     | run success`);
  });

  it('over a literal has its instances from the start', () => {
    check(dag('each [expand=2]\n sum <- each'), `
      start           | each=removed, queue each[0]#1, queue each[1]#1
      each[0] success |
      each[1] failed  | sum=upstream_failed, run failed`);
  });

  it('over several arguments has one for each combination', () => {
    check(dag('a\n b\n each <- a, b [expand=a,b,2]'), `
      start       | queue a#1, queue b#1
      a success 2 |
      b success 1 | each=removed, queue each[0]#1, queue each[1]#1, queue each[2]#1, queue each[3]#1`);
  });

  it('over lists side by side is as long as the shortest, or as the longest', () => {
    check(dag('a\n short <- a [zip=a,2]\n long <- a [longest=a,2]'), `
      start       | queue a#1
      a success 3 | short=removed, long=removed, queue short[0]#1, queue short[1]#1, queue long[0]#1, queue long[1]#1, queue long[2]#1`);
  });

  it('over an empty list is skipped, when its rule lets it run', () => {
    check(dag('list\n other\n each <- list, other [expand=list]\n sum <- each\n always <- each [all_done]'), `
      start          | queue list#1, queue other#1
      list success 0 |
      other success  | each=skipped, sum=skipped, queue always#1
      always success | run success`);
    check(dag('list\n other\n each <- list, other [expand=list]'), `
      start          | queue list#1, queue other#1
      list success 0 |
      other failed   | each=upstream_failed, run failed`);
  });

  it('over what is no list, or nothing, or too much, fails and says why', () => {
    check(dag('list\n each <- list [expand=list]\n sum <- each'), `
      start                | queue list#1
      list success no-list | each=failed, sum=upstream_failed, run failed`);
    check(dag('list\n each <- list [expand=list]'), `
      start                | queue list#1
      list success other:2 | each=failed, run failed`);
    check(dag('list\n each <- list [expand=list,3]', { maxMapLength: 8 }), `
      start          | queue list#1
      list success 3 | each=failed, run failed`);
    check(dag('list\n each <- list [expand=list all_done]'), `
      start       | queue list#1
      list failed | each=upstream_failed, run failed`);
  });

  it('is decided as one while its list is not known', () => {
    check(dag('list\n each <- list [expand=list]\n sum <- each [all_done]'), `
      start       | queue list#1
      list failed | each=upstream_failed, queue sum#1`);
    check(dag('pick\n list <- pick\n each <- pick, list [expand=list]\n other <- pick'), `
      start            | queue pick#1
      pick chose other | list=skipped, each=skipped, queue other#1`);
  });

  it('whose rule does not wait still waits for its list', () => {
    check(dag('list\n each <- list [expand=list always]'), `
      start          | queue list#1
      list success 1 | each=removed, queue each[0]#1`);
    check(dag('list\n each <- list [expand=list always]'), `
      start       | queue list#1
      list failed | each=upstream_failed, run failed`);
  });

  it('counts its instances one by one in the rule of what comes after it', () => {
    check(dag('each [expand=3]\n one <- each [one_success]\n none <- each [none_failed]\n all <- each [all_failed]'), `
      start           | each=removed, queue each[0]#1, queue each[1]#1, queue each[2]#1
      each[0] failed  | none=upstream_failed
      each[1] success | all=skipped, queue one#1
      each[2] skipped |
      one success     | run failed`);
  });

  it('retries its instances each by itself', () => {
    check(dag('each [expand=2 retries=1 delay=60]\n sum <- each'), `
      start           | each=removed, queue each[0]#1, queue each[1]#1
      each[0] failed  | each[0]=up_for_retry, history each[0] failed, timer retry each[0] +60s
      each[1] success |
      retry each[0]   | queue each[0]#2
      each[0] lost    | each[0]=failed, sum=upstream_failed, run failed`);
  });

  it('over the values of a mapped task has one for each instance that pushed one', () => {
    check(dag('a [expand=3]\n b <- a [expand=a all_done]\n c <- b'), `
      start              | a=removed, queue a[0]#1, queue a[1]#1, queue a[2]#1
      a[0] success 1     |
      a[2] success       |
      a[1] failed        | b=removed, queue b[0]#1
      b[0] success       | queue c#1`);
  });
});

describe('a list that has another length on a re-run', () => {
  it('removes the surplus, or adds', () => {
    check(dag('list\n each <- list [expand=list]\n sum <- each'), `
      start           | queue list#1
      list success 2  | each=removed, queue each[0]#1, queue each[1]#1
      each[0] success |
      each[1] failed  | sum=upstream_failed, run failed
      clear list,each[0],each[1],sum | each[0]=none, each[1]=none, sum=none, history list success, history each[0] success, history each[1] failed, queue list#2
      list success 1  | each[1]=removed, queue each[0]#2
      each[0] success | queue sum#1
      sum success     | run success
      clear list      | history list success, queue list#3
      list success 3  | queue each[1]#2, queue each[2]#1
      each[1] success |
      each[2] success | run success`);
  });

  it('has what was ready without the new ones wait for them', () => {
    check(dag('list\n each <- list [expand=list]\n sum <- each', { maxActiveTasks: 1 }), `
      start           | queue list#1
      list success 1  | each=removed, queue each[0]#1
      clear list      | list=scheduled, history list success
      each[0] success | sum=scheduled, queue list#2
      list success 2  | sum=none, queue each[1]#1
      each[1] success | queue sum#1`);
  });

  it('to none skips it, and back again', () => {
    check(dag('list\n each <- list [expand=list]'), `
      start           | queue list#1
      list success 1  | each=removed, queue each[0]#1
      each[0] success | run success
      clear list      | history list success, queue list#2
      list success 0  | each[0]=removed, each=skipped, run success
      clear list      | history list success, queue list#3
      list success 1  | each=removed, history each[0] removed, queue each[0]#2`);
  });

  it('stops what runs beyond its end', () => {
    check(dag('list\n each <- list [expand=list]'), `
      start           | queue list#1
      list success 2  | each=removed, queue each[0]#1, queue each[1]#1
      clear list      | history list success, queue list#2
      list success 1  | each[1]=removed, cancel each[1]
      each[1] success | ignored: the instance is removed, not running
      each[0] success | run success`);
  });

  it('of a mapped task removes and adds too', () => {
    check(dag('list\n a <- list [expand=list]\n b <- a [expand=a]'), `
      start          | queue list#1
      list success 2 | a=removed, queue a[0]#1, queue a[1]#1
      a[0] success 0 |
      a[1] success 0 | b=removed, queue b[0]#1, queue b[1]#1
      b[0] success   |
      b[1] success   | run success
      clear a[1]     | history a[1] success, queue a[1]#2
      a[1] success   | b[1]=removed, run success`);
  });
});

describe('a mapped group', () => {
  it('chains index by index, and is left when all are done', () => {
    check(dag(`
      group g [expand=list]
      list
      a <- list [group=g]
      b <- a [group=g]
      end <- b`), `
      start          | queue list#1
      list success 2 | a=removed, b=removed, queue a[0]#1, queue a[1]#1
      a[1] success   | queue b[1]#1
      b[1] success   |
      a[0] failed    | b[0]=upstream_failed, end=upstream_failed, run failed`);
  });

  it('begins with its first tasks, wherever the list comes from', () => {
    check(dag(`
      group g [expand=list]
      list
      a [group=g]
      b <- a [group=g]`), `
      start          | queue list#1
      list success 0 | a=skipped, b=skipped, run success`);
  });

  it('skips within an index: branch, short circuit, skip', () => {
    check(dag(`
      group g [expand=2]
      pick [group=g]
      x <- pick [group=g]
      y <- pick [group=g]
      end <- x, y [none_failed]`), `
      start           | pick=removed, x=removed, y=removed, queue pick[0]#1, queue pick[1]#1
      pick[0] chose x | y[0]=skipped, queue x[0]#1
      pick[1] chose y | x[1]=skipped, queue y[1]#1
      x[0] success    |
      y[1] success    | queue end#1`);
    check(dag(`
      group g [expand=2]
      gate [group=g]
      a <- gate [group=g all_done]
      b <- a [group=g all_done]
      end <- b [all_done]`), `
      start           | gate=removed, a=removed, b=removed, queue gate[0]#1, queue gate[1]#1
      gate[0] stops   | a[0]=skipped, b[0]=skipped
      gate[1] success | queue a[1]#1
      a[1] success    | queue b[1]#1
      b[1] success    | queue end#1`);
  });

  it('expanded over the result of another goes on index by index', () => {
    check(dag(`
      group g [expand=2]
      group h [expand=b]
      a [group=g]
      b <- a [group=g]
      c [group=h]
      d <- c [group=h]`), `
      start        | a=removed, b=removed, c=removed, d=removed, queue a[0]#1, queue a[1]#1
      a[0] success | queue b[0]#1
      b[0] success | queue c[0]#1
      c[0] success | queue d[0]#1
      a[1] failed  | b[1]=upstream_failed, c[1]=upstream_failed, d[1]=upstream_failed
      d[0] success | run failed`);
  });

  it('inside a mapped group has paths of two indexes', () => {
    check(dag(`
      group outer [expand=2]
      group inner [expand=list parent=outer]
      list [group=outer]
      a <- list [group=inner]
      b <- a [group=inner]
      all <- b [group=outer]
      end <- all`), `
      start             | list=removed, a=removed, b=removed, all=removed, queue list[0]#1, queue list[1]#1
      list[1] success 2 | a[1]=removed, b[1]=removed, queue a[1,0]#1, queue a[1,1]#1
      list[0] success 1 | a[0]=removed, b[0]=removed, queue a[0,0]#1
      a[1,1] success    | queue b[1,1]#1
      a[0,0] success    | queue b[0,0]#1
      b[0,0] success    | queue all[0]#1
      a[1,0] success    | queue b[1,0]#1
      b[1,1] success    |
      b[1,0] success    | queue all[1]#1
      all[0] success    |
      all[1] success    | queue end#1`);
  });

  it('has its setups and teardowns by index', () => {
    check(dag(`
      group g [expand=2]
      up [group=g setup]
      work <- up [group=g]
      down <- up, work [group=g teardown]
      end <- work`), `
      start           | up=removed, work=removed, down=removed, queue up[0]#1, queue up[1]#1
      up[0] failed    | work[0]=upstream_failed, down[0]=upstream_failed, end=upstream_failed
      up[1] success   | queue work[1]#1
      work[1] failed  | queue down[1]#1
      down[1] success | run failed`);
  });
});

describe('a branch by group', () => {
  it('chooses the tasks the group begins with', () => {
    check(dag(`
      group left
      group right
      pick
      a <- pick [group=left]
      b <- a [group=left]
      c <- pick [group=right]
      d <- c [group=right]`), `
      start            | queue pick#1
      pick chose right | a=skipped, b=skipped, queue c#1`);
    check(dag('group left\n pick\n a <- pick [group=left]'), `
      start              | queue pick#1
      pick chose nowhere | pick=failed, a=upstream_failed, run failed`);
  });
});

describe('a loop', () => {
  const poll = dag(`
    group poll [loop=again max=3]
    work [group=poll]
    again <- work [group=poll]
    end <- work`);

  it('has another iteration as long as its condition says so', () => {
    check(poll, `
      start            | work=removed, again=removed, queue work[0]#1
      work[0] success  | queue again[0]#1
      again[0] again   | queue work[1]#1
      work[1] success  | queue again[1]#1
      again[1] stop    | queue end#1
      end success      | run success`);
  });

  it('fails at its maximum, or ends there', () => {
    check(poll, `
      start            | work=removed, again=removed, queue work[0]#1
      work[0] success  | queue again[0]#1
      again[0] again   | queue work[1]#1
      work[1] success  | queue again[1]#1
      again[1] again   | queue work[2]#1
      work[2] success  | queue again[2]#1
      again[2] again   | again[2]=failed, end=upstream_failed, run failed`);
    check(dag('group poll [loop=again max=1 atMax=succeed]\n again [group=poll]\n end <- again'), `
      start          | again=removed, queue again[0]#1
      again[0] again | queue end#1`);
  });

  it('counts by its last iteration', () => {
    check(dag(`
      group poll [loop=again max=3]
      work [group=poll]
      again <- work [group=poll all_done]
      end <- work`), `
      start            | work=removed, again=removed, queue work[0]#1
      work[0] failed   | queue again[0]#1
      again[0] again   | queue work[1]#1
      work[1] success  | queue again[1]#1
      again[1] stop    | queue end#1
      end success      | run success`);
    check(dag(`
      group poll [loop=again max=3]
      again [group=poll]
      work <- again [group=poll]`), `
      start           | again=removed, work=removed, queue again[0]#1
      again[0] again  | queue again[1]#1, queue work[0]#1
      work[0] failed  |
      again[1] stop   | queue work[1]#1
      work[1] success | run success`);
  });

  it('is not known to go on when its condition is cleared', () => {
    check(poll, `
      start            | work=removed, again=removed, queue work[0]#1
      work[0] success  | queue again[0]#1
      again[0] again   | queue work[1]#1
      work[1] failed   | again[1]=upstream_failed, end=upstream_failed, run failed
      clear again[0],end | work[1]=removed, again[1]=removed, end=none, history again[0] success, queue again[0]#2
      again[0] again   | again[1]=none, history work[1] removed, queue work[1]#2
      work[1] success  | queue again[1]#1
      again[1] stop    | queue end#1`);
  });

  it('in a mapped group goes on for each index by itself, and maps inside', () => {
    check(dag(`
      group g [expand=2]
      group poll [loop=again parent=g]
      list [group=poll]
      each <- list [group=poll expand=list]
      again <- each [group=poll]
      end <- again [group=g]`), `
      start               | list=removed, list[0]=removed, list[1]=removed, each=removed, each[0]=removed, each[1]=removed, again=removed, again[0]=removed, again[1]=removed, end=removed, queue list[0,0]#1, queue list[1,0]#1
      list[1,0] success 1 | each[1,0]=removed, queue each[1,0,0]#1
      each[1,0,0] success | queue again[1,0]#1
      again[1,0] again    | queue list[1,1]#1
      list[1,1] success 2 | each[1,1]=removed, queue each[1,1,0]#1, queue each[1,1,1]#1
      list[0,0] success 0 | each[0,0]=skipped, again[0,0]=skipped, end[0]=skipped`);
  });
});

describe('a mapping that cannot be', () => {
  const refused = (lines: string): unknown => {
    const compiled = compilePlan(dag(lines));
    return compiled.ok ? [] : compiled.errors.map((error) => error.message);
  };
  it.each([
    ['each [expand=nothing]', '"each" is expanded over the result of "nothing", which is not a task of the dag'],
    ['group g [expand=a]\n a [group=g]', 'group "g" is expanded over what is inside it, or is its own parent'],
    ['group g [expand=a,2]\n a [expand=2]\n b [group=g]', 'group "g" is expanded over the mapped result of "a" and something else: expand it over that result alone, or collect the result in a task first'],
    ['group l [loop=x]\n a [group=l]', 'loop "l": its condition "x" must be an unmapped task of the loop'],
    ['group l [loop=a max=0]\n a [group=l]', 'loop "l": max must be a whole number >= 1, got 0'],
    ['group g [expand=2 loop=a]\n a [group=g]', 'group "g" is a loop and expanded at once: put one inside the other'],
  ])('%s', (lines, message) => {
    expect(refused(lines)).toEqual([message]);
  });
});
