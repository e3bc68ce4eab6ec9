import { Button, Group, Modal, NumberInput, PasswordInput, Select, Switch, TextInput, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { FormEvent } from 'react';
import { tellDone } from '../feedback/feedback.js';
import { useWords } from '../words/words.js';

export interface EntryField {
  readonly name: string;
  readonly label: string;
  readonly kind: 'text' | 'long' | 'number' | 'switch' | 'secret' | 'code' | 'choice';
  readonly note?: string | undefined;
  readonly isRequired?: boolean;
  /** Of things that exist already: shown, not changed. */
  readonly isFixed?: boolean;
  readonly choices?: readonly string[];
}
export type Entry = Readonly<Record<string, unknown>>;

/** Makes or changes one thing of a list. */
export function EntryDialog({ title, fields, initial, save, refresh, close }: { readonly title: string; readonly fields: readonly EntryField[]; readonly initial: Entry; readonly save: (entry: Record<string, unknown>) => Promise<unknown>; readonly refresh: readonly unknown[]; readonly close: () => void }) {
  const t = useWords();
  const client = useQueryClient();
  const [entry, setEntry] = useState<Record<string, unknown>>({ ...initial });
  const change = useMutation({
    mutationFn: () => save(entry),
    onSuccess: () => {
      close();
      tellDone(t('Saved'));
      void client.invalidateQueries({ queryKey: refresh });
    },
  });
  const put = (name: string, value: unknown): void => setEntry((before) => ({ ...before, [name]: value }));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <Modal opened onClose={close} title={title} size="md">
      <form className="form" onSubmit={submit}>
        {fields.map((field) => {
          const common = { label: field.label, description: field.note, required: field.isRequired === true, withAsterisk: false, disabled: field.isFixed === true };
          const text = entry[field.name] === null || entry[field.name] === undefined ? '' : String(entry[field.name]);
          if (field.kind === 'switch') return <Switch key={field.name} label={field.label} description={field.note} checked={entry[field.name] === true} onChange={(event) => put(field.name, event.currentTarget.checked)} />;
          if (field.kind === 'number') return <NumberInput key={field.name} {...common} value={text === '' ? '' : Number(text)} onChange={(value) => put(field.name, value === '' ? null : Number(value))} />;
          if (field.kind === 'choice') return <Select key={field.name} {...common} data={[...(field.choices ?? [])]} value={text === '' ? null : text} onChange={(value) => put(field.name, value)} searchable />;
          if (field.kind === 'secret') return <PasswordInput key={field.name} {...common} autoComplete="new-password" value={text} onChange={(event) => put(field.name, event.currentTarget.value)} visibilityToggleButtonProps={{ 'aria-label': t('Show') }} />;
          if (field.kind === 'long' || field.kind === 'code') return <Textarea key={field.name} {...common} autosize minRows={2} maxRows={14} {...(field.kind === 'code' ? { classNames: { input: 'mono' } } : {})} value={text} onChange={(event) => put(field.name, event.currentTarget.value)} />;
          return <TextInput key={field.name} {...common} value={text} onChange={(event) => put(field.name, event.currentTarget.value)} />;
        })}
        {change.error !== null && <p className="form-failure" role="alert">{change.error.message}</p>}
        <Group justify="flex-end" gap="xs"><Button variant="default" onClick={close}>{t('Cancel')}</Button><Button type="submit" loading={change.isPending}>{t('Save')}</Button></Group>
      </form>
    </Modal>
  );
}
