import { ActionIcon, Tooltip } from '@mantine/core';
import { IconCloudDataConnection, IconPlugConnected, IconStack2, IconVariable } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { tellDone, tellFailed } from '../feedback/feedback.js';
import { StateBar } from '../look/state-mark.js';
import { send } from '../rest/client.js';
import { useMay } from '../session/session.js';
import { useWords } from '../words/words.js';
import type { Entry } from './entry-dialog.js';
import { SettingsList } from './settings-list.js';

const text = (value: unknown): string => (value === null || value === undefined ? '' : String(value));
/** What the api shows instead of a secret; sent back it would become the secret. */
const MASK = '***';

export function PoolsPage() {
  const t = useWords();
  return (
    <SettingsList
      title={t('Pools')} kind="pool" address="/api/v2/pools" list="pools" idField="name" pattern="pool_name_pattern" none={t('No pool yet')} icon={<IconStack2 />} isKept={(pool) => pool['name'] === 'default_pool'}
      columns={[
        { title: t('Name'), show: (pool) => <><strong>{text(pool['name'])}</strong>{text(pool['description']) !== '' && <span className="faint block">{text(pool['description'])}</span>}</> },
        { title: t('Used'), show: (pool) => {
          const [running, queued, deferred, open, scheduled] = ['running_slots', 'queued_slots', 'deferred_slots', 'open_slots', 'scheduled_slots'].map((name) => Number(pool[name] ?? 0)) as [number, number, number, number, number];
          return <span className="progress"><StateBar states={{ running, queued, ...(pool['include_deferred'] === true ? { deferred } : {}), none: Math.max(open, running + queued === 0 ? 1 : 0) }} width={180} />{scheduled > 0 && <span className="soft small">{t('{n} wait for a slot', { n: scheduled })}</span>}</span>;
        } },
        { title: t('Running'), isRight: true, show: (pool) => text(pool['running_slots']) }, { title: t('Queued'), isRight: true, isWide: true, show: (pool) => text(pool['queued_slots']) },
        { title: t('Deferred'), isRight: true, isWide: true, show: (pool) => text(pool['deferred_slots']) }, { title: t('Slots'), isRight: true, show: (pool) => (Number(pool['slots']) < 0 ? '∞' : text(pool['slots'])) },
      ]}
      fields={(isNew) => [{ name: 'name', label: t('Name'), kind: 'text', isRequired: true, isFixed: !isNew }, { name: 'slots', label: t('Slots'), kind: 'number', isRequired: true, note: t('-1: no limit') }, { name: 'description', label: t('Description'), kind: 'text' }, { name: 'include_deferred', label: t('Deferred tasks keep their slots'), kind: 'switch' }]}
      blank={{ name: '', slots: 8, description: '', include_deferred: false }}
      toBody={(pool, isNew) => ({ ...(isNew ? { name: pool['name'] } : {}), slots: pool['slots'], include_deferred: pool['include_deferred'] === true, ...(pool['name'] === 'default_pool' ? {} : { description: text(pool['description']) || null }) })}
    />
  );
}

export function VariablesPage() {
  const t = useWords();
  return (
    <SettingsList
      title={t('Variables')} kind="variable" address="/api/v2/variables" list="variables" idField="key" pattern="variable_key_pattern" none={t('No variable yet')} icon={<IconVariable />}
      columns={[{ title: t('Key'), show: (one) => <span className="mono">{text(one['key'])}</span> }, { title: t('Value'), show: (one) => <span className="mono soft clip block-max">{text(one['value'])}</span> }, { title: t('Description'), isWide: true, show: (one) => <span className="soft">{text(one['description'])}</span> }]}
      fields={(isNew) => [{ name: 'key', label: t('Key'), kind: 'text', isRequired: true, isFixed: !isNew }, { name: 'value', label: t('Value'), kind: 'code', note: isNew ? t('Kept encrypted. Text, or JSON.') : t('A value shown as *** stays as it is unless you write another.') }, { name: 'description', label: t('Description'), kind: 'text' }]}
      blank={{ key: '', value: '', description: '' }}
      toBody={(one) => ({ key: one['key'], value: one['value'] ?? '', description: text(one['description']) || null })}
    />
  );
}

const CONNECTION_KINDS = ['http', 'postgres', 'mysql', 'smtp', 'slackwebhook', 'aws', 'google_cloud_platform', 'ssh', 'amqp', 'redis', 'fs', 'generic'];

export function ConnectionsPage() {
  const t = useWords();
  const may = useMay();
  const test = useMutation({
    mutationFn: (entry: Entry) => send<{ status: boolean; message: string }>('POST', '/api/v2/connections/test', { connection_id: entry['connection_id'], conn_type: entry['conn_type'] }),
    onSuccess: (answer) => (answer.status ? tellDone(answer.message) : tellFailed(new Error(answer.message))),
    onError: tellFailed,
  });
  return (
    <SettingsList
      title={t('Connections')} kind="connection" address="/api/v2/connections" list="connections" idField="connection_id" pattern="connection_id_pattern" none={t('No connection yet')} icon={<IconCloudDataConnection />}
      columns={[
        { title: t('Id'), show: (one) => <><span className="mono">{text(one['connection_id'])}</span>{text(one['description']) !== '' && <span className="faint block">{text(one['description'])}</span>}</> },
        { title: t('Kind'), show: (one) => text(one['conn_type']) }, { title: t('Host'), show: (one) => <span className="mono soft">{text(one['host'])}{one['port'] == null ? '' : `:${text(one['port'])}`}</span> }, { title: t('Login'), isWide: true, show: (one) => text(one['login']) },
      ]}
      fields={(isNew) => [
        { name: 'connection_id', label: t('Id'), kind: 'text', isRequired: true, isFixed: !isNew }, { name: 'conn_type', label: t('Kind'), kind: 'choice', isRequired: true, choices: CONNECTION_KINDS }, { name: 'host', label: t('Host'), kind: 'text' }, { name: 'port', label: t('Port'), kind: 'number' },
        { name: 'schema', label: t('Schema or database'), kind: 'text' }, { name: 'login', label: t('Login'), kind: 'text' }, { name: 'password', label: t('Password'), kind: 'secret', ...(isNew ? {} : { note: t('Shown as ***: stays as it is unless you write another.') }) }, { name: 'extra', label: t('Extra (JSON)'), kind: 'code' }, { name: 'description', label: t('Description'), kind: 'text' },
      ]}
      blank={{ connection_id: '', conn_type: 'http', host: '', port: null, schema: '', login: '', password: '', extra: '', description: '' }}
      toBody={(one) => Object.fromEntries(['connection_id', 'conn_type', 'host', 'port', 'schema', 'login', 'password', 'extra', 'description'].filter((name) => !(text(one[name]) === MASK || (name === 'extra' && text(one[name]).includes(`"${MASK}"`)))).map((name) => [name, text(one[name]) === '' ? null : one[name]]))}
      extraActions={(entry) => may('create', 'connection') && <Tooltip label={t('Test')}><ActionIcon aria-label={`${t('Test')} ${text(entry['connection_id'])}`} onClick={() => test.mutate(entry)}><IconPlugConnected size={15} /></ActionIcon></Tooltip>}
    />
  );
}
