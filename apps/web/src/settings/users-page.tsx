import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { IconKey, IconPencil, IconPlus, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Page } from '../chrome/page.js';
import { Loaded, tellDone, tellFailed } from '../feedback/feedback.js';
import { get, path, send } from '../rest/client.js';
import { useMay } from '../session/session.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';
import { EntryDialog } from './entry-dialog.js';
import type { Entry, EntryField } from './entry-dialog.js';
import { TokensCard } from './tokens-card.js';

const V1 = '/api/millrace/v1';

interface User extends Entry {
  readonly name: string;
  readonly roles: readonly string[];
  readonly email: string | null;
  readonly is_active: boolean;
  readonly has_password: boolean;
  readonly last_login: string | null;
}
interface Role extends Entry {
  readonly name: string;
  readonly description: string | null;
  readonly permissions: readonly unknown[];
  readonly is_fixed: boolean;
}
interface Team extends Entry {
  readonly name: string;
  readonly description: string | null;
  readonly sources: readonly string[];
  readonly dags: number;
}

const text = (value: unknown): string => (value === null || value === undefined ? '' : String(value));
const orNull = (value: unknown): string | null => text(value).trim() || null;
/** A list as people write it: with commas. */
const listOf = (value: unknown): string[] => text(value).split(',').map((one) => one.trim()).filter((one) => one !== '');

/** Who may log in and as what, what roles and teams there are, and one's own tokens. */
export function UsersPage() {
  const t = useWords();
  const may = useMay();
  return (
    <Page title={t('Users and tokens')}>
      {may('read', 'user') && <><Users /><Roles /><Teams /></>}
      <TokensCard />
      <OwnPassword />
    </Page>
  );
}

function Users() {
  const t = useWords();
  return (
    <Things<User>
      kind="users" title={t('Users')} none={t('There is no user')} heads={[t('Name'), t('Roles'), t('State'), t('E-mail'), t('Last login')]}
      cells={(user) => [<strong key="name">{user.name}</strong>, user.roles.map((role) => <span className="tag" key={role}>{role}</span>), user.is_active ? t('active') : t('locked'), <span className="soft" key="mail">{user.email}</span>, <Ago key="login" at={user.last_login} />]}
      fields={(user) => [
        { name: 'name', label: t('Name'), kind: 'text', isRequired: true, isFixed: user !== null },
        { name: 'roles', label: t('Roles'), kind: 'text', isRequired: true, note: t('With commas between. Role@team: for one team only.') },
        { name: 'password', label: t('Password'), kind: 'secret', isRequired: user === null, ...(user === null ? {} : { note: t('Empty: stays as it is.') }) },
        { name: 'email', label: t('E-mail'), kind: 'text' }, { name: 'is_active', label: t('May log in'), kind: 'switch' },
      ]}
      toEntry={(user) => ({ name: user?.name ?? '', roles: (user?.roles ?? ['Viewer']).join(', '), password: '', email: user?.email ?? '', is_active: user?.is_active ?? true })}
      toBody={(entry) => ({ roles: listOf(entry['roles']), email: orNull(entry['email']), is_active: entry['is_active'] === true, ...(text(entry['password']) === '' ? {} : { password: entry['password'] }) })}
    />
  );
}

function Roles() {
  const t = useWords();
  return (
    <Things<Role>
      kind="roles" title={t('Roles')} none={t('There is no role')} heads={[t('Name'), t('Description'), t('Permissions')]} isKept={(role) => role.is_fixed} isFixed={(role) => role.is_fixed && role.name !== 'Public'}
      cells={(role) => [<strong key="name">{role.name}</strong>, <span className="soft" key="what">{role.description}</span>, <Permissions key="may" of={role.permissions} />]}
      fields={(role) => [
        { name: 'name', label: t('Name'), kind: 'text', isRequired: true, isFixed: role !== null }, { name: 'description', label: t('Description'), kind: 'text' },
        { name: 'permissions', label: t('Permissions'), kind: 'code', isRequired: true, note: t('A list; each with actions, resources, and dags or teams it is limited to.') },
      ]}
      toEntry={(role) => ({ name: role?.name ?? '', description: role?.description ?? '', permissions: JSON.stringify(role?.permissions ?? [{ actions: ['read'], resources: ['dag', 'dag_run', 'task_instance', 'task_log'], dags: ['example_*'] }], null, 2) })}
      toBody={(entry) => ({ description: orNull(entry['description']), permissions: JSON.parse(text(entry['permissions'])) as unknown })}
    />
  );
}

interface Permission {
  readonly actions?: readonly string[];
  readonly resources?: readonly string[];
  readonly dags?: readonly string[];
  readonly teams?: readonly string[];
}

/** What a role may, in a line each: what is done, on what, and where it is limited to. */
function Permissions({ of }: { readonly of: readonly unknown[] }) {
  const t = useWords();
  if (of.length === 0) return <span className="faint">{t('nothing')}</span>;
  const all = (names: readonly string[] | undefined): string => (names === undefined || names.includes('*') ? t('everything') : names.join(', '));
  return (
    <ul className="permissions small">
      {(of as readonly Permission[]).map(({ actions, resources, dags, teams }, index) => (
        <li key={index}><strong>{actions?.includes('*') === true ? t('all actions') : (actions ?? []).join(', ')}</strong>: <span className="soft">{all(resources)}{dags === undefined ? '' : ` · ${t('Dags')}: ${dags.join(', ')}`}{teams === undefined ? '' : ` · ${t('Teams')}: ${teams.join(', ')}`}</span></li>
      ))}
    </ul>
  );
}

function Teams() {
  const t = useWords();
  return (
    <Things<Team>
      kind="teams" title={t('Teams')} none={t('There is no team')} heads={[t('Name'), t('Owns what lies in'), t('Dags')]}
      cells={(team) => [<strong key="name">{team.name}</strong>, <span className="mono soft" key="sources">{team.sources.length === 0 ? t('dags that name it') : team.sources.join(', ')}</span>, team.dags]}
      fields={(team) => [
        { name: 'name', label: t('Name'), kind: 'text', isRequired: true, isFixed: team !== null }, { name: 'description', label: t('Description'), kind: 'text' },
        { name: 'sources', label: t('Owns what lies in'), kind: 'text', note: t('Bundles or bundle:folder, with commas between. Empty: dags that name the team.') },
      ]}
      toEntry={(team) => ({ name: team?.name ?? '', description: team?.description ?? '', sources: (team?.sources ?? []).join(', ') })}
      toBody={(entry) => ({ description: orNull(entry['description']), sources: listOf(entry['sources']) })}
    />
  );
}

/** A card with a table of things that are named, made, changed and deleted. */
function Things<Thing extends Entry & { readonly name: string }>(props: {
  readonly kind: 'users' | 'roles' | 'teams'; readonly title: string; readonly none: string; readonly heads: readonly string[]; readonly cells: (thing: Thing) => readonly ReactNode[]; readonly fields: (thing: Thing | null) => readonly EntryField[];
  readonly toEntry: (thing: Thing | null) => Entry; readonly toBody: (entry: Entry) => Record<string, unknown>; readonly isKept?: (thing: Thing) => boolean; readonly isFixed?: (thing: Thing) => boolean;
}) {
  const t = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [editing, setEditing] = useState<Thing | 'new' | null>(null);
  const key = ['access', props.kind];
  const list = useQuery({ queryKey: key, queryFn: ({ signal }) => get<Record<string, Thing[]>>(`${V1}/${props.kind}`, { limit: 200 }, signal), retry: false });
  const at = (thing: Thing): string => path`/api/millrace/v1/${props.kind}/${thing.name}`;
  const remove = useMutation({ mutationFn: (thing: Thing) => send('DELETE', at(thing)), onSuccess: () => tellDone(t('Deleted')), onError: tellFailed, onSettled: () => client.invalidateQueries({ queryKey: key }) });
  const thing = editing === 'new' ? null : editing;
  return (
    <section aria-label={props.title}>
      <div className="section-head"><h2>{props.title}</h2>{may('create', 'user') && <Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} />} onClick={() => setEditing('new')} aria-label={`${t('New')}: ${props.title}`}>{t('New')}</Button>}</div>
      <Loaded query={list}>
        {(data) => (data[props.kind] ?? []).length === 0 ? <p className="card none soft">{props.none}</p> : (
          <div className="card flush">
            <table className="table">
              <thead><tr>{props.heads.map((head) => <th key={head}>{head}</th>)}<th><span className="sr">{t('Actions')}</span></th></tr></thead>
              <tbody>
                {data[props.kind]!.map((one) => (
                  <tr key={one.name} className={one['is_active'] === false ? 'faded' : ''}>
                    {props.cells(one).map((cell, place) => <td key={props.heads[place]}>{cell}</td>)}
                    <td className="right">
                      <span className="row-actions">
                        {may('edit', 'user') && props.isFixed?.(one) !== true && <Tooltip label={t('Change')}><ActionIcon aria-label={`${t('Change')} ${one.name}`} onClick={() => setEditing(one)}><IconPencil size={15} /></ActionIcon></Tooltip>}
                        {may('delete', 'user') && props.isKept?.(one) !== true && <Tooltip label={t('Delete')}><ActionIcon aria-label={`${t('Delete')} ${one.name}`} onClick={() => { if (window.confirm(t('Delete {name}? This cannot be undone.', { name: one.name }))) remove.mutate(one); }}><IconTrash size={15} /></ActionIcon></Tooltip>}
                      </span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
      {editing !== null && (
        <EntryDialog
          title={thing === null ? `${t('New')}: ${props.title}` : thing.name} fields={props.fields(thing)} initial={props.toEntry(thing)} refresh={['access']} close={() => setEditing(null)}
          save={async (entry) => (thing === null ? send('POST', `${V1}/${props.kind}`, { name: text(entry['name']).trim(), ...props.toBody(entry) }) : send('PATCH', at(thing), props.toBody(entry)))}
        />
      )}
    </section>
  );
}

/** One's own; afterwards one logs in again. */
function OwnPassword() {
  const t = useWords();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <div className="filters"><Button variant="default" size="compact-sm" leftSection={<IconKey size={14} />} onClick={() => setOpen(true)}>{t('Change my password')}</Button></div>
      {isOpen && (
        <EntryDialog
          title={t('Change my password')} close={() => setOpen(false)} refresh={['session']} initial={{ current_password: '', new_password: '' }}
          fields={[{ name: 'current_password', label: t('Current password'), kind: 'secret', isRequired: true }, { name: 'new_password', label: t('New password'), kind: 'secret', isRequired: true, note: t('All your sessions end; you log in again.') }]}
          save={(entry) => send('POST', `${V1}/me/password`, entry)}
        />
      )}
    </>
  );
}
