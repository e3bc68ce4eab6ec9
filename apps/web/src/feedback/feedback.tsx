import { Button, Skeleton } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconCheck, IconLock, IconMoodEmpty, IconPlugConnectedX } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ApiError } from '../rest/client.js';
import { useWords } from '../words/words.js';

/** What a query gave; its waiting, its failure and its refusal look the same everywhere. */
export function Loaded<T>({ query, children, rows = 6 }: { readonly query: UseQueryResult<T>; readonly children: (data: T) => ReactNode; readonly rows?: number }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <Failure error={query.error} again={() => void query.refetch()} />;
  return <Waiting rows={rows} />;
}

export function Waiting({ rows = 6 }: { readonly rows?: number }) {
  const t = useWords();
  return (
    <div className="waiting" role="status" aria-label={t('Loading')}>
      {Array.from({ length: rows }, (_, index) => <Skeleton key={index} height={14} width={`${92 - ((index * 37) % 45)}%`} radius="sm" />)}
    </div>
  );
}

export function Failure({ error, again }: { readonly error: unknown; readonly again?: () => void }) {
  const t = useWords();
  const status = error instanceof ApiError ? error.status : -1;
  const message = error instanceof Error ? error.message : String(error);
  const [icon, title] =
    status === 403 ? [<IconLock key="i" />, t('You may not see this')] :
    status === 404 ? [<IconMoodEmpty key="i" />, t('There is no such thing')] :
    status === 0 ? [<IconPlugConnectedX key="i" />, t('The server does not answer')] :
    status === 501 ? [<IconMoodEmpty key="i" />, t('Not available here')] :
    [<IconAlertTriangle key="i" />, t('This could not be loaded')];
  return (
    <Notice icon={icon} title={title} role="alert">
      <p>{message}</p>
      {status === 403 && <p className="faint">{t('Ask an administrator for a role that allows it.')}</p>}
      {again !== undefined && status !== 403 && status !== 501 && <Button variant="default" onClick={again}>{t('Try again')}</Button>}
    </Notice>
  );
}

/** An empty list says what would be in it and what to do. */
export function Empty({ title, children, icon }: { readonly title: string; readonly children?: ReactNode; readonly icon?: ReactNode }) {
  return <Notice icon={icon ?? <IconMoodEmpty />} title={title}>{children}</Notice>;
}

export function Notice({ icon, title, children, role }: { readonly icon: ReactNode; readonly title: string; readonly children?: ReactNode; readonly role?: string }) {
  return (
    <div className="notice" role={role}>
      <span className="notice-icon" aria-hidden="true">{icon}</span>
      <h3>{title}</h3>
      {children}
    </div>
  );
}

export function tellDone(message: string, undo?: { readonly label: string; readonly run: () => void }): void {
  const id = `done-${Math.random().toString(36).slice(2)}`;
  notifications.show({
    id,
    color: 'teal',
    icon: <IconCheck size={16} />,
    autoClose: undo === undefined ? 4_000 : 8_000,
    message: undo === undefined ? message : (
      <span className="undo">
        {message}
        <Button variant="subtle" size="compact-xs" onClick={() => { notifications.hide(id); undo.run(); }}>{undo.label}</Button>
      </span>
    ),
  });
}

export function tellFailed(error: unknown): void {
  notifications.show({ color: 'red', icon: <IconAlertTriangle size={16} />, message: error instanceof Error ? error.message : String(error), autoClose: 10_000 });
}
