import { IconPuzzle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Card, Facts, Page } from '../chrome/page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { get } from '../rest/client.js';
import { useWords } from '../words/words.js';

type Plugin = Readonly<Record<string, unknown>> & { readonly name: string };

export function PluginsPage() {
  const t = useWords();
  const list = useQuery({ queryKey: ['plugins'], queryFn: ({ signal }) => get<{ plugins: Plugin[] }>('/api/v2/plugins', { limit: 100 }, signal) });
  const shown = (value: unknown): string => (Array.isArray(value) ? value.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(', ') : typeof value === 'string' ? value : '');
  return (
    <Page title={t('Plugins')}>
      <Loaded query={list}>
        {(data) => data.plugins.length === 0
          ? <Empty title={t('No plugin is known')} icon={<IconPuzzle />}><p>{t('Modules of the plugins folder are bundled with the dags that import them.')}</p></Empty>
          : data.plugins.map((plugin) => <Card key={plugin.name} title={plugin.name}><Facts rows={Object.entries(plugin).filter(([name, value]) => name !== 'name' && shown(value) !== '').map(([name, value]) => [name.replaceAll('_', ' '), <span key={name} className="mono">{shown(value)}</span>] as const)} /></Card>)}
      </Loaded>
    </Page>
  );
}
