import { Button, Group, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { tellFailed } from '../feedback/feedback.js';
import { send } from '../rest/client.js';
import { useMay } from '../session/session.js';
import { useWords } from '../words/words.js';

/** What people leave for each other at a run or an instance. */
export function NoteField({ note, address, refresh }: { readonly note: string | null; readonly address: string; readonly refresh: readonly unknown[] }) {
  const t = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [text, setText] = useState(note ?? '');
  const save = useMutation({ mutationFn: () => send('PATCH', address, { note: text === '' ? null : text }), onError: tellFailed, onSettled: () => client.invalidateQueries({ queryKey: refresh }) });
  if (!may('edit', 'dag_run')) return note === null ? <p className="faint">{t('No note')}</p> : <p className="note">{note}</p>;
  return (
    <div className="form tight">
      <Textarea aria-label={t('Note')} autosize minRows={2} maxLength={1000} placeholder={t('For the next person who looks here')} value={text} onChange={(event) => setText(event.currentTarget.value)} />
      {text !== (note ?? '') && <Group justify="flex-end" gap="xs"><Button variant="default" onClick={() => setText(note ?? '')}>{t('Discard')}</Button><Button loading={save.isPending} onClick={() => save.mutate()}>{t('Save')}</Button></Group>}
    </div>
  );
}
