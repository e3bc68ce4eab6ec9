import { Pagination } from '@mantine/core';
import { useWords } from '../words/words.js';

export const PAGE_SIZE = 50;

/** Below a list: which part is shown. */
export function PagesOf({ total, page, setPage, size = PAGE_SIZE }: { readonly total: number; readonly page: number; readonly setPage: (page: number) => void; readonly size?: number }) {
  const t = useWords();
  if (total === 0) return null;
  return (
    <div className="table-foot">
      <span className="faint small num">{t('{from}–{to} of {total}', { from: (page - 1) * size + 1, to: Math.min(page * size, total), total })}</span>
      {total > size && <Pagination size="xs" total={Math.ceil(total / size)} value={page} onChange={setPage} getControlProps={(control) => ({ 'aria-label': t(control) })} />}
    </div>
  );
}
