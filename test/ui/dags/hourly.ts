import { dag } from '@millrace/sdk';

/** For backfills: a schedule of the past that never fires by itself here. */
export default dag('hourly', { description: 'Once an hour', schedule: '0 * * * *', startDate: '2026-01-01', endDate: '2026-01-31', tags: ['hourly'] }, (d) => {
  d.task('work', async () => 'done')();
});
