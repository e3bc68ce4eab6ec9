import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { IconPencil, IconPlus, IconTrash } from '@tabler/icons-react';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { PAGE_SIZE, PagesOf } from '../chrome/pages-of.js';
import { Page } from '../chrome/page.js';
import { SearchField } from '../dags/dags-page.js';
import { Empty, Loaded, tellDone, tellFailed } from '../feedback/feedback.js';
import { get, send } from '../rest/client.js';
import { useMay } from '../session/session.js';
import { useWords } from '../words/words.js';
import { EntryDialog } from './entry-dialog.js';
import type { Entry, EntryField } from './entry-dialog.js';

export interface Column {
  readonly title: string;
  readonly show: (entry: Entry) => ReactNode;
  readonly isRight?: boolean;
  readonly isWide?: boolean;
}

/** Pools, variables and connections are the same page with other columns. */
export function SettingsList(props: {
  readonly title: string; readonly kind: 'pool' | 'variable' | 'connection'; readonly address: string; readonly list: string; readonly idField: string; readonly pattern: string; readonly columns: readonly Column[];
  readonly fields: (isNew: boolean) => readonly EntryField[]; readonly blank: Entry; readonly none: string; readonly icon: ReactNode; readonly toBody: (entry: Entry, isNew: boolean) => Record<string, unknown>; readonly isKept?: (entry: Entry) => boolean;
  readonly extraActions?: (entry: Entry) => ReactNode;
}) {
  const t = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [search, setSearch] = useState('');
  const [page, setPage] = useState(1);
  const [editing, setEditing] = useState<Entry | 'new' | null>(null);
  const key = ['settings', props.kind];
  const list = useQuery({
    queryKey: [...key, search, page],
    queryFn: ({ signal }) => get<Record<string, Entry[]> & { total_entries: number }>(props.address, { [props.pattern]: search, limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE }, signal),
    placeholderData: keepPreviousData,
  });
  const at = (entry: Entry): string => `${props.address}/${encodeURIComponent(String(entry[props.idField]))}`;
  const remove = useMutation({ mutationFn: (entry: Entry) => send('DELETE', at(entry)), onSuccess: () => tellDone(t('Deleted')), onError: tellFailed, onSettled: () => client.invalidateQueries({ queryKey: key }) });
  return (
    <Page title={props.title} actions={may('create', props.kind) && <Button leftSection={<IconPlus size={14} />} onClick={() => setEditing('new')}>{t('New')}</Button>}>
      <div className="filters"><SearchField value={search} change={(value) => { setSearch(value); setPage(1); }} label={t('Search')} /></div>
      <Loaded query={list}>
        {(data) => (data[props.list] ?? []).length === 0 ? <Empty title={search === '' ? props.none : t('Nothing fits')} icon={props.icon} /> : (
          <div className="card flush">
            <table className="table">
              <thead><tr>{props.columns.map((column) => <th key={column.title} className={`${column.isRight === true ? 'right' : ''} ${column.isWide === true ? 'wide-only' : ''}`}>{column.title}</th>)}<th><span className="sr">{t('Actions')}</span></th></tr></thead>
              <tbody>
                {data[props.list]!.map((entry) => (
                  <tr key={String(entry[props.idField])}>
                    {props.columns.map((column) => <td key={column.title} className={`${column.isRight === true ? 'right num' : ''} ${column.isWide === true ? 'wide-only' : ''}`}>{column.show(entry)}</td>)}
                    <td className="right">
                      <span className="row-actions">
                        {props.extraActions?.(entry)}
                        {may('edit', props.kind) && <Tooltip label={t('Change')}><ActionIcon aria-label={`${t('Change')} ${String(entry[props.idField])}`} onClick={() => setEditing(entry)}><IconPencil size={15} /></ActionIcon></Tooltip>}
                        {may('delete', props.kind) && props.isKept?.(entry) !== true && <Tooltip label={t('Delete')}><ActionIcon aria-label={`${t('Delete')} ${String(entry[props.idField])}`} onClick={() => { if (window.confirm(t('Delete {name}? This cannot be undone.', { name: String(entry[props.idField]) }))) remove.mutate(entry); }}><IconTrash size={15} /></ActionIcon></Tooltip>}
                      </span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            <PagesOf total={data.total_entries} page={page} setPage={setPage} />
          </div>
        )}
      </Loaded>
      {editing !== null && (
        <EntryDialog
          title={editing === 'new' ? `${t('New')}: ${props.title}` : String(editing[props.idField])} fields={props.fields(editing === 'new')} initial={editing === 'new' ? props.blank : editing} refresh={key} close={() => setEditing(null)}
          save={(entry) => (editing === 'new' ? send('POST', props.address, props.toBody(entry, true)) : send('PATCH', at(editing), props.toBody(entry, false)))}
        />
      )}
    </Page>
  );
}
