import { Button, Menu } from '@mantine/core';
import { IconChevronDown, IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { SelectionBar } from '../chrome/selection.js';
import type { Selection } from '../chrome/selection.js';
import type { TaskInstance } from '../rest/shapes.js';
import { useWords } from '../words/words.js';
import { BulkDialog, targetsOf } from './bulk-dialog.js';
import type { BulkAction } from './bulk-dialog.js';

/** Clear and mark for the chosen instances of a list. */
export function InstanceBulk({ selection }: { readonly selection: Selection<TaskInstance> }) {
  const t = useWords();
  const [bulk, setBulk] = useState<BulkAction | null>(null);
  return (
    <>
      <SelectionBar selection={selection}>
        <Button size="xs" variant="default" leftSection={<IconRefresh size={14} />} onClick={() => setBulk('clear')}>{t('Clear')}</Button>
        <Menu>
          <Menu.Target><Button size="xs" variant="default" rightSection={<IconChevronDown size={13} />}>{t('Mark as…')}</Button></Menu.Target>
          <Menu.Dropdown>
            {(['success', 'failed', 'skipped'] as const).map((state) => <Menu.Item key={state} onClick={() => setBulk(state)}>{t(state)}</Menu.Item>)}
          </Menu.Dropdown>
        </Menu>
      </SelectionBar>
      {bulk !== null && <BulkDialog to={bulk} targets={targetsOf(selection.chosen)} close={() => setBulk(null)} done={selection.clear} />}
    </>
  );
}
