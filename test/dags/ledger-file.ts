/** Written anew for each constellation, which tells its dags this way where to note what happened, and since when. */
export const LEDGER_FILE: string = '';
export const STARTED_AT: string = '2026-01-01T00:00:00.000Z';
