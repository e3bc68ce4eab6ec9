import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Card } from '../chrome/page.js';
import { get, path } from '../rest/client.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';

interface NextRun {
  readonly events: readonly { readonly id: number; readonly name: string; readonly last_update: string | null; readonly queued_events: number }[];
  readonly aliases: readonly string[];
  readonly missing: readonly { readonly name: string }[];
}

/** For a dag that runs by assets: what has come and what its next run still waits for. */
export function WaitsForAssets({ dagId }: { readonly dagId: string }) {
  const t = useWords();
  const next = useQuery({ queryKey: ['dag', dagId, 'next-run-assets'], queryFn: ({ signal }) => get<NextRun>(path`/api/millrace/v1/dags/${dagId}/nextRunAssets`, undefined, signal), retry: false });
  if (next.data === undefined || next.data.events.length + next.data.aliases.length === 0) return null;
  const missing = new Set(next.data.missing.map((asset) => asset.name));
  return (
    <Card title={t('What its next run waits for')}>
      <ul className="plain-list">
        {next.data.events.map((asset) => (
          <li key={asset.id}>
            <span className="lamp-line"><i className={missing.has(asset.name) ? 'lamp wait' : 'lamp on'} aria-hidden="true" /><Link to="/assets/$assetId" params={{ assetId: String(asset.id) }}>{asset.name}</Link></span>
            <span className="soft">{asset.queued_events > 0 ? t('{n} new events', { n: asset.queued_events }) : t('nothing new')}{asset.last_update !== null && <> · <Ago at={asset.last_update} /></>}</span>
          </li>
        ))}
        {next.data.aliases.map((alias) => <li key={`alias ${alias}`}><span className="lamp-line"><i className="lamp wait" aria-hidden="true" />{alias}</span><span className="soft">{t('alias')}</span></li>)}
      </ul>
    </Card>
  );
}
