import type { DagDocument } from '@millrace/contracts';
import { EMPTY_INTERVAL_WARNING } from '@millrace/engine';
import type { Timetable } from '@millrace/engine';

const INTERVAL_WORDS = /data_?interval_?(start|end)/i;

/**
 * What will surprise whoever wrote the schedule. That a trigger's intervals are empty is told only to a dag that uses its interval:
 * in a template, or in its part of the file.
 * @param source of the dag's file; '' when it is not known
 */
export function scheduleWarnings(document: DagDocument, timetable: Timetable | null, source: string): readonly string[] {
  if (timetable === null) return [];
  const usesInterval = INTERVAL_WORDS.test(partOf(source, document)) || document.tasks.some((task) => INTERVAL_WORDS.test(JSON.stringify(task.fields)));
  return timetable.warnings.flatMap((warning) => {
    if (warning !== EMPTY_INTERVAL_WARNING) return [warning];
    return usesInterval ? [`${warning}, and this dag uses its data interval; cronInterval(…) and everyInterval(…) have intervals`] : [];
  });
}

/** From where the dag is written to where the next one is. */
function partOf(source: string, document: DagDocument): string {
  const line = Number(/:(\d+)(?::\d+)?$/.exec(document.definedAt ?? '')?.[1] ?? 1);
  const lines = source.split('\n').slice(line - 1);
  const end = lines.findIndex((text, at) => at > 0 && /\b(dag|new Dag)\(/.test(text));
  return lines.slice(0, end < 0 ? undefined : end).join('\n');
}
