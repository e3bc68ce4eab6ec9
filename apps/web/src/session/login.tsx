import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { FormEvent } from 'react';
import { send } from '../rest/client.js';
import type { Session } from '../rest/shapes.js';
import { useWords } from '../words/words.js';
import { sessionQuery, useSession } from './session.js';

export function Login() {
  const t = useWords();
  const client = useQueryClient();
  const sso = useSession()?.sso;
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [failure, setFailure] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  const open = async (body: unknown): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      client.setQueryData(sessionQuery.queryKey, await send<Session>('POST', '/auth/session', body));
      await client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== 'session' });
    } catch (error) {
      setFailure((error as Error).message);
      setBusy(false);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void open({ username: name, password });
  };
  return (
    <main className="login">
      <form className="login-card" onSubmit={submit}>
        <img src="/favicon.svg" width={44} height={44} alt="" />
        <h1>{t('Log in to Millrace')}</h1>
        <TextInput size="sm" label={t('Name')} value={name} onChange={(event) => setName(event.currentTarget.value)} autoComplete="username" autoFocus required withAsterisk={false} name="username" />
        <PasswordInput size="sm" label={t('Password')} value={password} onChange={(event) => setPassword(event.currentTarget.value)} autoComplete="current-password" required withAsterisk={false} name="password" visibilityToggleButtonProps={{ 'aria-label': t('Show password') }} />
        {failure !== null && <p className="login-failure" role="alert">{failure}</p>}
        {sso != null && <Button size="sm" variant="default" fullWidth component="a" href={`${sso.url}?next=${encodeURIComponent(window.location.pathname + window.location.search)}`}>{sso.label}</Button>}
        <Button size="sm" type="submit" fullWidth loading={isBusy}>{t('Log in')}</Button>
      </form>
    </main>
  );
}
