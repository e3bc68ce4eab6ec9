import { usePreferences } from '../time/preferences.js';
import { CHINESE } from './chinese.js';

type Values = Readonly<Record<string, string | number>>;

/** The English text is the key; `{name}` stands for a value. What has no Chinese yet is shown in English. */
export type Say = (text: string, values?: Values) => string;

export function useWords(): Say {
  const { language } = usePreferences();
  return language === 'zh' ? chinese : english;
}

const english: Say = (text, values) => filled(text, values);
const chinese: Say = (text, values) => filled(CHINESE[text] ?? text, values);

function filled(text: string, values: Values | undefined): string {
  return values === undefined ? text : text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
