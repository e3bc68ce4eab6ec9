/** Worker → guardian, over the IPC channel. Any message is also a sign of life. */
export type ToGuardian =
  | { readonly type: 'guard'; readonly pid: number; readonly runnerId: string }
  | { readonly type: 'ended'; readonly runnerId: string }
  | { readonly type: 'ping' };

/** Guardian → worker, once: from here on nothing that it was told can be missed. */
export interface FromGuardian {
  readonly type: 'listening';
}
