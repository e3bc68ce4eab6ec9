import { IconCircleCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Card, Page } from '../chrome/page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { get } from '../rest/client.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';

interface ImportError {
  readonly import_error_id: number;
  readonly timestamp: string;
  readonly filename: string;
  readonly bundle_name: string;
  readonly stack_trace: string;
}

/** Files that could not be read, with the place in the source. Their last good versions go on. */
export function ImportErrorsPage() {
  const t = useWords();
  const list = useQuery({ queryKey: ['dags', 'import-errors-page'], queryFn: ({ signal }) => get<{ import_errors: ImportError[] }>('/api/v2/importErrors', { limit: 100, order_by: '-timestamp' }, signal), refetchInterval: 5_000 });
  const isThere = list.data !== undefined;
  useEffect(() => {
    if (isThere && location.hash !== '') document.getElementById(`error-${location.hash.slice(1)}`)?.scrollIntoView({ block: 'start' });
  }, [isThere]);
  return (
    <Page title={t('Import errors')}>
      <Loaded query={list}>
        {(data) => data.import_errors.length === 0 ? <Empty title={t('Every dag file could be read')} icon={<IconCircleCheck />} /> : data.import_errors.map((error) => (
          <div key={error.import_error_id} id={`error-${error.import_error_id}`}>
            <Card title={<span className="mono">{error.filename}</span>} aside={<span className="soft small">{error.bundle_name} · <Ago at={error.timestamp} /></span>}><pre className="field" tabIndex={0}>{error.stack_trace}</pre></Card>
          </div>
        ))}
      </Loaded>
    </Page>
  );
}
