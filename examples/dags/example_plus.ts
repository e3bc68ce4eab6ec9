import { dag } from '@millrace/sdk';
import { BashOperator } from '@millrace/operators';
import { PlusOperator } from '../plugins/plus-operator.js';

/** An operator of one's own, from the plugins folder, and a task that reads what it returned. */
export default dag('example_plus', { description: 'A custom operator from the plugins folder', tags: ['example'] }, () => {
  const plus = new PlusOperator('plus', { params: { a: 1, b: 2 } });
  plus.to(new BashOperator('show_sum', { bashCommand: `echo "the sum is {{ ti.xcom_pull(task_ids='plus') }}"` }));
});
