import { IconHourglass } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { ApiError, get, path } from '../rest/client.js';
import { instantText } from '../time/format.js';
import { usePreferences } from '../time/preferences.js';
import { REASONS_IN_CHINESE } from '../words/reasons-in-chinese.js';
import { useWords } from '../words/words.js';

/** A reason as `why` gives it: at least a sentence; the facts of its kind stand beside it. */
interface Reason extends Readonly<Record<string, unknown>> {
  readonly kind?: string;
  readonly sentence?: string;
  readonly text?: string;
}
interface Why {
  readonly reasons?: readonly (Reason | string)[];
}

/** Why an instance has not gone on: every reason, each as a sentence. */
export function WhyInstance({ dagId, runId, taskId, mapIndex }: { readonly dagId: string; readonly runId: string; readonly taskId: string; readonly mapIndex: number }) {
  const address = path`/api/millrace/v1/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/why`;
  return <Reasons queryKey={['dag', dagId, 'run', runId, 'why', taskId, mapIndex]} address={address} query={mapIndex < 0 ? undefined : { map_index: mapIndex }} />;
}

export function WhyRun({ dagId, runId, state }: { readonly dagId: string; readonly runId: string; readonly state: string }) {
  return state === 'queued' ? <Reasons queryKey={['dag', dagId, 'run', runId, 'why']} address={path`/api/millrace/v1/dags/${dagId}/dagRuns/${runId}/why`} query={undefined} /> : null;
}

function Reasons({ queryKey, address, query }: { readonly queryKey: readonly unknown[]; readonly address: string; readonly query: { map_index: number } | undefined }) {
  const t = useWords();
  const { zone, language } = usePreferences();
  const why = useQuery({ queryKey, queryFn: ({ signal }) => get<Why>(address, query, signal), retry: false, refetchInterval: 5_000 });
  if (why.error instanceof ApiError && why.error.status === 404) return null;
  const sentences = (why.data?.reasons ?? []).map((reason) => sentenceOf(reason, language)).filter((sentence) => sentence !== '').map((sentence) => inZone(sentence, zone));
  if (sentences.length === 0) return null;
  return (
    <div className="why" role="status">
      <IconHourglass size={17} aria-hidden="true" />
      <div>
        <strong>{t('Why it waits')}</strong>
        {sentences.length === 1 ? <p>{sentences[0]}</p> : <ul>{sentences.map((sentence) => <li key={sentence}>{sentence}</li>)}</ul>}
      </div>
    </div>
  );
}

function sentenceOf(reason: Reason | string, language: string): string {
  if (typeof reason === 'string') return reason;
  const chinese = language === 'zh' && reason.kind !== undefined ? REASONS_IN_CHINESE[reason.kind] : undefined;
  return chinese?.(reason) ?? reason.sentence ?? reason.text ?? reason.kind ?? '';
}

/** Times in a sentence, in the zone all times are shown in. Those inside run ids stay: they are names. */
function inZone(sentence: string, zone: string): string {
  return sentence.replaceAll(/(?<![\w:-])\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\b/g, (instant) => instantText(instant, zone));
}
