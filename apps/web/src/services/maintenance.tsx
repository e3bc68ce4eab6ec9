import { Button, Group, Modal, TextInput } from '@mantine/core';
import { IconBarrierBlock } from '@tabler/icons-react';
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { FormEvent } from 'react';
import { tellDone, tellFailed } from '../feedback/feedback.js';
import { get, send } from '../rest/client.js';
import { useMay } from '../session/session.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';

interface MaintenanceState {
  readonly active: boolean;
  readonly reason: string | null;
  readonly by: string | null;
  readonly since: string | null;
  readonly running_tasks: number;
  readonly settled: boolean;
}

const ADDRESS = '/api/millrace/v1/maintenance';
const maintenanceQuery = queryOptions({ queryKey: ['services', 'maintenance'], queryFn: ({ signal }) => get<MaintenanceState>(ADDRESS, undefined, signal), refetchInterval: 20_000, retry: false });

function useSwitch(): (to: { readonly active: boolean; readonly reason?: string }) => void {
  const t = useWords();
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (to: { readonly active: boolean; readonly reason?: string }) => send('PUT', ADDRESS, to),
    onSuccess: (_, to) => tellDone(to.active ? t('Maintenance is on: nothing new starts') : t('Maintenance is over')),
    onError: tellFailed,
    onSettled: () => client.invalidateQueries({ queryKey: ['services'] }),
  });
  return (to) => change.mutate(to);
}

/** On every page while everything is held: who looks at a run that does not start has to know. */
export function MaintenanceBanner() {
  const t = useWords();
  const may = useMay();
  const state = useQuery({ ...maintenanceQuery, enabled: may('read', 'health') }).data;
  const set = useSwitch();
  if (state?.active !== true) return null;
  return (
    <div className="maintenance" role="status">
      <IconBarrierBlock size={17} aria-hidden="true" />
      <span className="break"><strong>{t('Maintenance')}</strong>{state.reason === null ? '' : `: ${state.reason}`} <span className="soft">· {state.by} <Ago at={state.since} /> · {state.settled ? t('nothing runs') : t('{n} tasks still run', { n: state.running_tasks })}</span></span>
      <span className="spacer" />
      {may('edit', 'config') && <Button size="compact-sm" variant="default" onClick={() => set({ active: false })}>{t('End it')}</Button>}
    </div>
  );
}

/** Holds everything for a while; asked with a reason, because others will wonder. */
export function MaintenanceButton() {
  const t = useWords();
  const may = useMay();
  const state = useQuery({ ...maintenanceQuery, enabled: may('read', 'health') }).data;
  const set = useSwitch();
  const [isAsking, setAsking] = useState(false);
  const [reason, setReason] = useState('');
  if (!may('edit', 'config') || state === undefined || state.active) return null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    set({ active: true, ...(reason === '' ? {} : { reason }) });
    setAsking(false);
  };
  return (
    <>
      <Button variant="default" leftSection={<IconBarrierBlock size={14} />} onClick={() => setAsking(true)}>{t('Maintenance…')}</Button>
      <Modal opened={isAsking} onClose={() => setAsking(false)} title={t('Hold everything')}>
        <form className="form" onSubmit={submit}>
          <p className="soft">{t('Tasks that run finish. Nothing new starts until it is ended; triggers are taken and kept.')}</p>
          <TextInput label={t('Reason')} description={t('Shown to everybody')} value={reason} maxLength={500} onChange={(event) => setReason(event.currentTarget.value)} data-autofocus />
          <Group justify="flex-end" gap="xs"><Button variant="default" onClick={() => setAsking(false)}>{t('Cancel')}</Button><Button type="submit">{t('Hold everything')}</Button></Group>
        </form>
      </Modal>
    </>
  );
}
