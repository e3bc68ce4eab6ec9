import { dag } from '@millrace/sdk';
import { BashOperator, EmptyOperator } from '@millrace/operators';

/**
 * The founding example: three tasks at once, a join, a shell command with templates, and one that skips itself.
 * Runs every midnight; `catchup: false` makes only the newest run, a backfill makes those of the past.
 */
export default dag(
  'example_bash_operator',
  {
    schedule: '0 0 * * *',
    startDate: '2018-01-01',
    catchup: false,
    dagrunTimeout: '1h',
    tags: ['example', 'example2'],
    params: { example_key: 'example_value' },
  },
  () => {
    const runThisLast = new EmptyOperator('run_this_last');
    const runThis = new BashOperator('run_after_loop', { bashCommand: 'echo https://example.org/' });
    runThis.to(runThisLast);

    for (const i of [0, 1, 2]) {
      new BashOperator(`runme_${i}`, { bashCommand: 'echo "{{ task_instance_key_str }}" && sleep 1' }).to(runThis);
    }

    const alsoRunThis = new BashOperator('also_run_this', {
      bashCommand: 'echo "ti_key={{ task_instance_key_str }}"',
    });
    alsoRunThis.to(runThisLast);

    // Exit code 99 ends a task as skipped; what waits for it is skipped too.
    const thisWillSkip = new BashOperator('this_will_skip', { bashCommand: 'echo "hello world"; exit 99;' });
    thisWillSkip.to(runThisLast);
  },
);
