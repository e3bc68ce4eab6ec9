import { Checkbox, MultiSelect, NumberInput, Select, TextInput, Textarea } from '@mantine/core';
import { useWords } from '../words/words.js';
import type { Field } from './params.js';

/** One param of a form, by its kind: of a trigger, or of a question to a person. */
export function ParamField({ field, content, change }: { readonly field: Field; readonly content: string | boolean | readonly string[]; readonly change: (content: string | boolean | readonly string[]) => void }) {
  const t = useWords();
  const plain = { label: field.title, description: field.description ?? undefined, disabled: field.isFixed } as const;
  if (field.kind === 'boolean') return <Checkbox {...plain} checked={content === true} onChange={(event) => change(event.currentTarget.checked)} />;
  const common = { ...plain, withAsterisk: false } as const;
  if (field.kind === 'choices') return <MultiSelect {...common} data={[...field.choices]} value={[...(content as readonly string[])]} onChange={change} searchable />;
  const text = String(content);
  if (field.kind === 'choice') return <Select {...common} data={[...field.choices]} value={text} onChange={(value) => change(value ?? '')} clearable={field.isNullable} searchable={field.choices.length > 8} />;
  if (field.kind === 'integer' || field.kind === 'number') {
    return <NumberInput {...common} value={text === '' ? '' : Number(text)} onChange={(value) => change(String(value))} allowDecimal={field.kind === 'number'} clampBehavior="none" error={isOutside(field, text) ? t('Must be {span}', { span: `${field.minimum ?? '…'} – ${field.maximum ?? '…'}` }) : undefined} {...(field.minimum === undefined ? {} : { min: field.minimum })} {...(field.maximum === undefined ? {} : { max: field.maximum })} />;
  }
  if (field.kind === 'date' || field.kind === 'instant') return <TextInput {...common} type={field.kind === 'date' ? 'date' : 'datetime-local'} value={text} onChange={(event) => change(event.currentTarget.value)} />;
  if (field.kind === 'json') return <Textarea {...common} classNames={{ input: 'mono' }} autosize minRows={2} maxRows={14} value={text} onChange={(event) => change(event.currentTarget.value)} />;
  if (field.kind === 'long-text' || field.kind === 'list') return <Textarea {...common} autosize minRows={2} maxRows={12} value={text} onChange={(event) => change(event.currentTarget.value)} />;
  return <TextInput {...common} value={text} onChange={(event) => change(event.currentTarget.value)} list={`${field.name}-choices`} />;
}

/** Told, and not changed behind somebody's back; the server refuses it as well. */
function isOutside({ minimum, maximum }: Field, text: string): boolean {
  return text !== '' && (Number(text) < (minimum ?? Number.NEGATIVE_INFINITY) || Number(text) > (maximum ?? Number.POSITIVE_INFINITY));
}
