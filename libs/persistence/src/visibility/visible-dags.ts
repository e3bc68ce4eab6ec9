/**
 * Which dags whoever asks may see, as of now: their ids, or null for all. Readers ask it for every statement, so that pages and totals
 * hold no more than that; it throws when nobody is known to ask.
 */
export type VisibleDags = () => readonly string[] | null;

/** For what asks on behalf of no person. */
export const EVERY_DAG: VisibleDags = () => null;

/** The condition of {@link VisibleDags} in a statement with numbered values. @param place of the value, an array of text or null */
export function seen(column: string, place: number): string {
  return `($${place}::text[] is null or ${column} = any($${place}::text[]))`;
}

/** A dag file is seen by those who may see a dag it holds. @param row of a table with `bundle_name` and `relative_fileloc` */
export function fileSeen(row: string, place: number): string {
  return `($${place}::text[] is null or exists (select from dag f where f.bundle_name = ${row}.bundle_name and f.relative_fileloc = ${row}.relative_fileloc and f.dag_id = any($${place}::text[])))`;
}
