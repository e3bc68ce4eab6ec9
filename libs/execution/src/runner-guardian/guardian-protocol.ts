/** Worker → guardian, over the IPC channel. Any message is also a sign of life. */
export type ToGuardian =
  | { readonly type: 'guard'; readonly pid: number; readonly runnerId: string }
  | { readonly type: 'ended'; readonly runnerId: string }
  | { readonly type: 'ping' };
