import { ActionIcon, Button, Code, CopyButton, Modal, Tooltip } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Loaded, tellDone, tellFailed } from '../feedback/feedback.js';
import { get, path, send } from '../rest/client.js';
import { useMay } from '../session/session.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';
import { EntryDialog } from './entry-dialog.js';

const TOKENS = '/api/millrace/v1/tokens';
const DAY_MS = 86_400_000;

interface Token {
  readonly id: string;
  readonly name: string;
  readonly user_name: string;
  readonly prefix: string;
  readonly state: 'active' | 'expired' | 'revoked';
  readonly permissions: unknown;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}

/** Tokens of programs. A new one is shown once. */
export function TokensCard() {
  const t = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const [made, setMade] = useState<string | null>(null);
  const all = may('read', 'user');
  const list = useQuery({ queryKey: ['access', 'tokens', all], queryFn: ({ signal }) => get<{ tokens: Token[] }>(TOKENS, { limit: 200, ...(all ? { all } : {}) }, signal), retry: false });
  const revoke = useMutation({ mutationFn: (token: Token) => send('DELETE', path`/api/millrace/v1/tokens/${token.id}`), onSuccess: () => tellDone(t('Revoked')), onError: tellFailed, onSettled: () => client.invalidateQueries({ queryKey: ['access', 'tokens'] }) });
  const states = { active: t('active'), expired: t('expired'), revoked: t('revoked') };
  return (
    <section aria-label={t('Tokens of programs')}>
      <div className="section-head"><h2>{t('Tokens of programs')}</h2><Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} />} onClick={() => setOpen(true)} aria-label={t('New token')}>{t('New')}</Button></div>
      <Loaded query={list}>
        {(data) => data.tokens.length === 0 ? <p className="card none soft">{t('There is no token')}</p> : (
          <div className="card flush">
            <table className="table">
              <thead><tr><th>{t('Name')}</th><th>{t('User')}</th><th>{t('State')}</th><th>{t('May')}</th><th>{t('Expires')}</th><th>{t('Last used')}</th><th><span className="sr">{t('Actions')}</span></th></tr></thead>
              <tbody>
                {data.tokens.map((token) => (
                  <tr key={token.id} className={token.state === 'active' ? '' : 'faded'}>
                    <td><strong>{token.name}</strong> <span className="mono faint">{token.prefix}…</span></td><td>{token.user_name}</td><td>{states[token.state]}</td>
                    <td className="mono small clip block-max">{token.permissions === null ? t('all that its user may') : JSON.stringify(token.permissions)}</td>
                    <td>{token.expires_at === null ? t('never') : <Ago at={token.expires_at} />}</td><td><Ago at={token.last_used_at} /></td>
                    <td className="right">{token.state === 'active' && <span className="row-actions"><Tooltip label={t('Revoke')}><ActionIcon aria-label={`${t('Revoke')} ${token.name}`} onClick={() => { if (window.confirm(t('Revoke {name}? Programs that use it are refused at once.', { name: token.name }))) revoke.mutate(token); }}><IconTrash size={15} /></ActionIcon></Tooltip></span>}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
      {isOpen && (
        <EntryDialog
          title={t('New token')} close={() => setOpen(false)} refresh={['access', 'tokens']} initial={{ name: '', days: 90, permissions: '' }}
          fields={[
            { name: 'name', label: t('Name'), kind: 'text', isRequired: true }, { name: 'days', label: t('Expires after days'), kind: 'number', note: t('Empty: never') },
            { name: 'permissions', label: t('Permissions'), kind: 'code', note: t('Empty: all that you may. Else a list as of a role, e.g. [{"actions":["read"],"resources":["dag_run"],"dags":["etl"]}]') },
          ]}
          save={async (entry) => {
            const permissions = String(entry['permissions'] ?? '').trim();
            const days = entry['days'] === null ? null : Number(entry['days']);
            const answer = await send<{ token: string }>('POST', TOKENS, { name: entry['name'], ...(permissions === '' ? {} : { permissions: JSON.parse(permissions) as unknown }), ...(days === null ? {} : { expires_at: new Date(Date.now() + days * DAY_MS).toISOString() }) });
            setMade(answer.token);
          }}
        />
      )}
      {made !== null && (
        <Modal opened onClose={() => setMade(null)} title={t('Your new token')} size="md">
          <p>{t('Copy it now: it is shown this once.')}</p>
          <Code block>{made}</Code>
          <CopyButton value={made}>{({ copied, copy }) => <Button mt="sm" onClick={copy}>{copied ? t('Copied') : t('Copy')}</Button>}</CopyButton>
        </Modal>
      )}
    </section>
  );
}
