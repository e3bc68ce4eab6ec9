import { queryOptions, useQuery } from '@tanstack/react-query';
import { get } from '../rest/client.js';
import type { Action, Session } from '../rest/shapes.js';

export const sessionQuery = queryOptions({ queryKey: ['session'], queryFn: () => get<Session>('/auth/session'), staleTime: Infinity, retry: 2 });

export function useSession(): Session | undefined {
  return useQuery(sessionQuery).data;
}

/** Whether the user may; what the api refuses is hidden or shown as not allowed, never tried. */
export function useMay(): (action: Action, kind: string) => boolean {
  const session = useSession();
  return (action, kind) => session?.may[action]?.includes(kind) ?? false;
}
