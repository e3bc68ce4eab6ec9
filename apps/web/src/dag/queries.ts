import { queryOptions } from '@tanstack/react-query';
import { get, path } from '../rest/client.js';
import type { BoardPage, DagDetails, RunTasks, Structure } from '../rest/shapes.js';

export const detailsQuery = (dagId: string) =>
  queryOptions({ queryKey: ['dag', dagId, 'details'], queryFn: ({ signal }) => get<DagDetails>(path`/api/v2/dags/${dagId}/details`, undefined, signal) });

/** Of the newest version without a number. A version never changes. */
export const structureQuery = (dagId: string, version?: number) =>
  queryOptions({
    queryKey: version === undefined ? ['dag', dagId, 'structure'] : ['version', dagId, version],
    queryFn: ({ signal }) => get<Structure>(path`/api/millrace/v1/ui/dags/${dagId}/structure`, { version }, signal),
    staleTime: version === undefined ? 10_000 : Infinity,
  });

export interface BoardFilters {
  readonly state?: string | undefined;
  readonly type?: string | undefined;
}

export const boardQuery = (dagId: string, filters: BoardFilters, before: string | null, limit: number) =>
  queryOptions({
    // Older pages hold ended runs, as a rule: they are not read again with every hint.
    queryKey: before === null ? ['dag', dagId, 'board', filters, limit] : ['older-board', dagId, filters, before, limit],
    queryFn: ({ signal }) => get<BoardPage>(path`/api/millrace/v1/ui/dags/${dagId}/board`, { state: filters.state, run_type: filters.type, before, limit }, signal),
    staleTime: before === null ? 0 : 20_000,
  });

export const runTasksQuery = (dagId: string, runId: string) =>
  queryOptions({ queryKey: ['dag', dagId, 'run', runId, 'tasks'], queryFn: ({ signal }) => get<RunTasks>(path`/api/millrace/v1/ui/dags/${dagId}/dagRuns/${runId}/tasks`, undefined, signal) });
