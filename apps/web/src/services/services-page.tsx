import { Button, Switch, Tooltip } from '@mantine/core';
import { IconServer2 } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Card, Page } from '../chrome/page.js';
import { Empty, Loaded, tellDone, tellFailed } from '../feedback/feedback.js';
import { get, path, send } from '../rest/client.js';
import { Ago } from '../time/instant.js';
import { useMay } from '../session/session.js';
import { useWords } from '../words/words.js';
import { MaintenanceButton } from './maintenance.js';

interface Service {
  readonly id: string;
  readonly kind: string;
  readonly alive: boolean;
  readonly hostname: string;
  readonly pid: number | null;
  readonly address: string | null;
  readonly version: string;
  readonly started_at: string;
  readonly last_beat_at: string;
  readonly ended_at: string | null;
  /** Of the doorbell: which runs it is rung for. Schedulers only. */
  readonly partitions?: readonly number[];
}
interface Worker {
  readonly session_id: string;
  readonly worker_name: string;
  readonly state: string;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly free_slots: number;
  readonly version: string;
  readonly pid: number | null;
  readonly started_at: string;
  readonly last_beat_at: string;
}

/** Who runs: workers with their queues and slots, and the services. */
export function ServicesPage() {
  const t = useWords();
  const workers = useQuery({ queryKey: ['services', 'workers'], queryFn: ({ signal }) => get<{ workers: Worker[] }>('/api/millrace/v1/workers', { limit: 100, order_by: '-started_at' }, signal), refetchInterval: 5_000 });
  const services = useQuery({ queryKey: ['services', 'services'], queryFn: ({ signal }) => get<{ services: Service[] }>('/api/millrace/v1/services', { limit: 100, order_by: '-last_beat_at' }, signal), refetchInterval: 5_000 });
  const [withGone, setWithGone] = useState(false);
  const mayDrain = useMay()('edit', 'worker');
  const client = useQueryClient();
  const drain = useMutation({
    mutationFn: (name: string) => send('POST', path`/api/millrace/v1/workers/${name}/drain`, {}),
    onSuccess: (_, name) => tellDone(t('{name} takes nothing new', { name })),
    onError: tellFailed,
    onSettled: () => client.invalidateQueries({ queryKey: ['services'] }),
  });
  return (
    <Page title={t('Workers and services')} actions={<><Switch label={t('Ended ones too')} checked={withGone} onChange={(event) => setWithGone(event.currentTarget.checked)} /><MaintenanceButton /></>}>
      <Loaded query={workers}>
        {(data) => {
          const here = data.workers.filter((worker) => worker.state === 'active' || worker.state === 'draining');
          const gone = data.workers.filter((worker) => !here.includes(worker)).slice(0, 20);
          return (
            <Card title={t('Workers')} aside={<span className="soft small">{t('{free} of {slots} slots free', { free: here.reduce((sum, one) => sum + one.free_slots, 0), slots: here.reduce((sum, one) => sum + one.slots, 0) })}</span>} flush>
              {here.length + gone.length === 0 ? <Empty title={t('No worker has ever been here')} icon={<IconServer2 />}><p>{t('Without one nothing runs. Start one with millrace worker.')}</p></Empty> : (
                <table className="table">
                  <thead><tr><th>{t('Name')}</th><th>{t('State')}</th><th>{t('Queues')}</th><th style={{ width: '22%' }}>{t('Slots')}</th><th className="wide-only">{t('Version')}</th><th className="wide-only">{t('Started')}</th><th>{t('Heard of')}</th>{mayDrain && <th><span className="sr">{t('Actions')}</span></th>}</tr></thead>
                  <tbody>
                    {[...here, ...(withGone || here.length === 0 ? gone : [])].map((worker) => (
                      <tr key={worker.session_id} className={here.includes(worker) ? '' : 'faded'}>
                        <td className="mono">{worker.worker_name}{worker.pid === null ? '' : <span className="faint"> · {worker.pid}</span>}</td>
                        <td><span className="lamp-line"><i className={worker.state === 'active' ? 'lamp on' : worker.state === 'draining' ? 'lamp wait' : 'lamp off'} />{t(worker.state)}</span></td>
                        <td>{worker.queues.map((queue) => <span key={queue} className="tag">{queue}</span>)}</td>
                        <td>{here.includes(worker) && <span className="progress"><progress max={Math.max(1, worker.slots)} value={worker.slots - worker.free_slots} aria-label={t('{busy} of {slots} slots busy', { busy: worker.slots - worker.free_slots, slots: worker.slots })} /><span className="num soft small">{worker.slots - worker.free_slots} / {worker.slots}</span></span>}</td>
                        <td className="soft wide-only">{worker.version}</td><td className="wide-only"><Ago at={worker.started_at} /></td><td><Ago at={worker.last_beat_at} /></td>
                        {mayDrain && <td className="right">{worker.state === 'active' && <Button size="compact-sm" variant="default" onClick={() => { if (window.confirm(t('Drain {name}? It takes nothing new, finishes what it runs and its process ends.', { name: worker.worker_name }))) drain.mutate(worker.worker_name); }}>{t('Drain')}</Button>}</td>}
                      </tr>
                    ))}
                  </tbody>
                </table>
              )}
            </Card>
          );
        }}
      </Loaded>
      <Loaded query={services}>
        {(data) => {
          const alive = data.services.filter((service) => service.alive);
          const gone = data.services.filter((service) => !service.alive).slice(0, 20);
          return (
            <Card title={t('Services')} flush>
              <table className="table">
                <thead><tr><th>{t('Service')}</th><th>{t('State')}</th><th>{t('Host')}</th><th className="wide-only">{t('Address')}</th><th className="wide-only">{t('Partitions')}</th><th className="wide-only">{t('Version')}</th><th className="wide-only">{t('Started')}</th><th>{t('Heard of')}</th></tr></thead>
                <tbody>
                  {[...alive, ...(withGone || alive.length === 0 ? gone : [])].map((service) => (
                    <tr key={service.id} className={service.alive ? '' : 'faded'}>
                      <td>{service.kind}</td><td><span className="lamp-line"><i className={service.alive ? 'lamp on' : 'lamp off'} />{service.alive ? t('healthy') : service.ended_at === null ? t('not heard of') : t('ended')}</span></td>
                      <td className="mono">{service.hostname}{service.pid === null ? '' : <span className="faint"> · {service.pid}</span>}</td><td className="mono soft wide-only">{service.address}</td><td className="wide-only">{service.kind === 'scheduler' && service.alive && <Partitions of={service.partitions ?? []} />}</td><td className="soft wide-only">{service.version}</td><td className="wide-only"><Ago at={service.started_at} /></td><td><Ago at={service.last_beat_at} /></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Card>
          );
        }}
      </Loaded>
    </Page>
  );
}

/** The doorbell's share of a scheduler: `0–3, 7`. */
function Partitions({ of }: { readonly of: readonly number[] }) {
  const t = useWords();
  if (of.length === 0) return <span className="faint">{t('none')}</span>;
  return <Tooltip label={t('Runs whose id falls into these of 16 parts ring this scheduler first; any other would do.')} multiline w={280}><span className="num soft">{t('{n} of 16', { n: of.length })} <span className="faint small">{spansOf(of)}</span></span></Tooltip>;
}

function spansOf(numbers: readonly number[]): string {
  const spans: [number, number][] = [];
  for (const one of numbers.toSorted((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last !== undefined && last[1] === one - 1) last[1] = one;
    else spans.push([one, one]);
  }
  return spans.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
}
