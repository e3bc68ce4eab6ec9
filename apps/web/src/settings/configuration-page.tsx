import { useQuery } from '@tanstack/react-query';
import { Card, Page } from '../chrome/page.js';
import { Loaded } from '../feedback/feedback.js';
import { get } from '../rest/client.js';
import { useWords } from '../words/words.js';

interface Section {
  readonly name: string;
  readonly options: readonly { readonly key: string; readonly value: string }[];
}

/** What the api was started with; secrets are never shown. */
export function ConfigurationPage() {
  const t = useWords();
  const config = useQuery({ queryKey: ['configuration'], queryFn: ({ signal }) => get<{ sections: Section[] }>('/api/v2/config', undefined, signal) });
  return (
    <Page title={t('Configuration')}>
      <Loaded query={config}>
        {(data) => data.sections.map((section) => (
          <Card key={section.name} title={<span className="mono">{section.name}</span>} flush>
            <table className="table"><tbody>{section.options.map((option) => <tr key={option.key}><th scope="row" className="mono soft" style={{ width: '38%' }}>{option.key}</th><td className="mono break">{option.value === '' ? <span className="faint">—</span> : option.value}</td></tr>)}</tbody></table>
          </Card>
        ))}
      </Loaded>
    </Page>
  );
}
