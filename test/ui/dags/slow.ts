import { dag } from '@millrace/sdk';

/** Writes a line every tenth of a second until it is told to stop by a variable, at most a minute. */
export default dag('slow', { description: 'Writes and writes', tags: ['log'] }, (d) => {
  const write = d.task('write', async (_, { log, variables }) => {
    for (let line = 1; line <= 600; line++) {
      log.info(`line ${line} of many`);
      if (line % 10 === 0 && (await variables.get('slow_stop', '')) !== '') break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return 'enough';
  });
  write();
});
