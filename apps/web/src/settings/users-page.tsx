import { IconUsers } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Page } from '../chrome/page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { get } from '../rest/client.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';

interface User {
  readonly name: string;
  readonly role?: string;
  readonly roles?: readonly string[];
  readonly email?: string | null;
  readonly is_active?: boolean;
  readonly last_login?: string | null;
}

/** Who may log in, and as what. */
export function UsersPage() {
  const t = useWords();
  const list = useQuery({ queryKey: ['users'], queryFn: ({ signal }) => get<{ users: User[] }>('/api/millrace/v1/users', { limit: 200 }, signal), retry: false });
  return (
    <Page title={t('Users and tokens')}>
      <Loaded query={list}>
        {(data) => data.users.length === 0 ? <Empty title={t('There is no user')} icon={<IconUsers />} /> : (
          <div className="card flush">
            <table className="table">
              <thead><tr><th>{t('Name')}</th><th>{t('Role')}</th><th>{t('State')}</th><th className="wide-only">{t('E-mail')}</th><th>{t('Last login')}</th></tr></thead>
              <tbody>{data.users.map((user) => <tr key={user.name} className={user.is_active === false ? 'faded' : ''}><td>{user.name}</td><td><span className="tag">{user.role ?? user.roles?.join(', ')}</span></td><td>{user.is_active === false ? t('locked') : t('active')}</td><td className="soft wide-only">{user.email}</td><td><Ago at={user.last_login} /></td></tr>)}</tbody>
            </table>
          </div>
        )}
      </Loaded>
    </Page>
  );
}
