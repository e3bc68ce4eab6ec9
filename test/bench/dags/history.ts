import { chain, dag, task } from '@millrace/sdk';

/** Ten tasks in a row; the benchmark makes a thousand dags of it, with runs that are over. */
dag('history', { tags: ['history'] }, () => {
  chain(...Array.from({ length: 10 }, (_, index) => task(`step_${index}`, () => undefined)()));
});
