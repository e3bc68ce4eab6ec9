import {
  IconActivity, IconAlertTriangle, IconCalendarTime, IconCloudDataConnection, IconDatabase, IconHistory, IconHome, IconInbox, IconKey, IconPlayerPlay, IconPuzzle, IconServer2, IconSitemap, IconStack2, IconUsers, IconVariable,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import { useMay } from '../session/session.js';
import { useWords } from '../words/words.js';

export interface Place {
  readonly to: string;
  readonly text: string;
  readonly icon: ComponentType<{ size?: number; stroke?: number }>;
  readonly group: 'work' | 'data' | 'system';
}

/** The pages in the navigation that this user may read. */
export function usePlaces(): readonly Place[] {
  const t = useWords();
  const may = useMay();
  const all: readonly (Place & { readonly needs: string | null })[] = [
    { to: '/', text: t('Home'), icon: IconHome, group: 'work', needs: 'dag_run' },
    { to: '/dags', text: t('Dags'), icon: IconSitemap, group: 'work', needs: 'dag' },
    { to: '/runs', text: t('Runs'), icon: IconPlayerPlay, group: 'work', needs: 'dag_run' },
    { to: '/instances', text: t('Task instances'), icon: IconActivity, group: 'work', needs: 'task_instance' },
    { to: '/backfills', text: t('Backfills'), icon: IconCalendarTime, group: 'work', needs: 'backfill' },
    { to: '/inbox', text: t('Inbox'), icon: IconInbox, group: 'work', needs: 'task_instance' },
    { to: '/assets', text: t('Assets'), icon: IconDatabase, group: 'data', needs: 'asset' },
    { to: '/pools', text: t('Pools'), icon: IconStack2, group: 'data', needs: 'pool' },
    { to: '/variables', text: t('Variables'), icon: IconVariable, group: 'data', needs: 'variable' },
    { to: '/connections', text: t('Connections'), icon: IconCloudDataConnection, group: 'data', needs: 'connection' },
    { to: '/import-errors', text: t('Import errors'), icon: IconAlertTriangle, group: 'system', needs: 'import_error' },
    { to: '/services', text: t('Workers and services'), icon: IconServer2, group: 'system', needs: 'job' },
    { to: '/plugins', text: t('Plugins'), icon: IconPuzzle, group: 'system', needs: 'plugin' },
    { to: '/audit', text: t('Audit log'), icon: IconHistory, group: 'system', needs: 'audit_log' },
    { to: '/users', text: t('Users and tokens'), icon: IconUsers, group: 'system', needs: null /* one's own tokens and password */ },
    { to: '/configuration', text: t('Configuration'), icon: IconKey, group: 'system', needs: 'config' },
  ];
  return all.filter((place) => place.needs === null || may('read', place.needs));
}
