import { useQuery } from '@tanstack/react-query';
import { IconExternalLink } from '@tabler/icons-react';
import { Card } from '../chrome/page.js';
import { JsonView } from '../look/json-view.js';
import { get, path } from '../rest/client.js';
import { useMay } from '../session/session.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';

interface Work {
  readonly id: string;
  readonly try_number: number;
  readonly state: string;
  readonly external_id: string | null;
  readonly progress: unknown;
  readonly result: unknown;
  readonly reason: string | null;
  readonly submitted_at: string | null;
  readonly reported_at: string | null;
  readonly ended_at: string | null;
  readonly cancel_state: string | null;
  readonly cancel_error: string | null;
}
interface Kept {
  readonly key: string;
  readonly value: unknown;
  readonly updated_at?: string | null;
}
interface Place {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
}

/** Where the task's operator points to: other sites, in another tab, and only by http. */
export function Links({ dagId, runId, taskId, mapIndex }: Place) {
  const t = useWords();
  const links = useQuery({ queryKey: ['dag', dagId, 'run', runId, 'links', taskId, mapIndex], queryFn: ({ signal }) => get<{ extra_links: Readonly<Record<string, string | null>> }>(path`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/links`, { map_index: mapIndex }, signal), retry: false, staleTime: 10_000 });
  const shown = Object.entries(links.data?.extra_links ?? {}).filter((entry): entry is [string, string] => /^https?:\/\//i.test(entry[1] ?? ''));
  if (shown.length === 0) return null;
  return <Card title={t('Links')}><ul className="plain-list">{shown.map(([name, href]) => <li key={name}><a href={href} target="_blank" rel="noopener noreferrer nofollow" className="lamp-line">{name}<IconExternalLink size={13} aria-hidden="true" /></a></li>)}</ul></Card>;
}

/** What was begun on another platform for this instance, and what it said. */
export function ExternalWork({ dagId, runId, taskId, mapIndex }: Place) {
  const t = useWords();
  const list = useQuery({ queryKey: ['dag', dagId, 'run', runId, 'external', taskId, mapIndex], queryFn: ({ signal }) => get<{ external_tasks: Work[] }>(path`/api/millrace/v1/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/externalTasks`, { map_index: mapIndex }, signal), retry: false });
  return (list.data?.external_tasks ?? []).map((work) => (
    <Card key={work.id} title={<>{t('On another platform')}{work.external_id !== null && <span className="mono"> {work.external_id}</span>}</>} aside={<span className="pill">{t(work.state)}</span>}>
      <p className="soft small">{t('Try {n}', { n: work.try_number })} · {t('begun')} <Ago at={work.submitted_at} /> · {t('heard of')} <Ago at={work.reported_at} />{work.ended_at !== null && <> · {t('ended')} <Ago at={work.ended_at} /></>}</p>
      {work.reason !== null && <p className="break">{work.reason}</p>}
      {work.cancel_state !== null && <p className="soft break">{t('cancellation')}: {t(work.cancel_state)} {work.cancel_error}</p>}
      {work.progress !== null && <JsonView value={work.progress} />}
      {work.result !== null && <JsonView value={work.result} />}
    </Card>
  ));
}

/** What the task keeps from run to run. */
export function KeptState({ dagId, taskId }: Pick<Place, 'dagId' | 'taskId'>) {
  const t = useWords();
  const may = useMay();
  const list = useQuery({ queryKey: ['dag', dagId, 'states', taskId], queryFn: ({ signal }) => get<{ states: Kept[] }>(path`/api/millrace/v1/dags/${dagId}/tasks/${taskId}/states`, { limit: 50 }, signal), enabled: may('read', 'xcom'), retry: false });
  const kept = list.data?.states ?? [];
  if (kept.length === 0) return null;
  return <Card title={t('Kept from run to run')}>{kept.map((one) => <div key={one.key} className="kept"><strong className="mono">{one.key}</strong><JsonView value={one.value} /></div>)}</Card>;
}
