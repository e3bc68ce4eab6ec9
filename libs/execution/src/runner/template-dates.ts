const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

/** A date as templates see it: prints as ISO 8601 with offset, and has the few methods Airflow templates use. UTC. */
export class TemplateDate {
  constructor(readonly date: Date) {}
  get year(): number {
    return this.date.getUTCFullYear();
  }
  get month(): number {
    return this.date.getUTCMonth() + 1;
  }
  get day(): number {
    return this.date.getUTCDate();
  }
  get hour(): number {
    return this.date.getUTCHours();
  }
  get minute(): number {
    return this.date.getUTCMinutes();
  }
  get second(): number {
    return this.date.getUTCSeconds();
  }
  strftime(pattern: string): string {
    return strftime(this.date, pattern);
  }
  isoformat(): string {
    return isoformat(this.date);
  }
  to_date_string(): string {
    return ds(this.date);
  }
  add(amount: { days?: number; hours?: number; minutes?: number; seconds?: number; weeks?: number }): TemplateDate {
    return this.moved(amount, 1);
  }
  subtract(amount: { days?: number; hours?: number; minutes?: number; seconds?: number; weeks?: number }): TemplateDate {
    return this.moved(amount, -1);
  }
  timestamp(): number {
    return this.date.getTime() / 1_000;
  }
  toString(): string {
    return isoformat(this.date).replace('T', ' ');
  }
  toJSON(): string {
    return isoformat(this.date);
  }

  private moved(by: { days?: number; hours?: number; minutes?: number; seconds?: number; weeks?: number }, sign: 1 | -1): TemplateDate {
    const seconds = (by.weeks ?? 0) * 604_800 + (by.days ?? 0) * 86_400 + (by.hours ?? 0) * 3_600 + (by.minutes ?? 0) * 60 + (by.seconds ?? 0);
    return new TemplateDate(new Date(this.date.getTime() + sign * seconds * 1_000));
  }
}

/** `2026-05-23` */
export function ds(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** Airflow's isoformat: no fraction when it is zero, six digits otherwise, offset `+00:00`. */
export function isoformat(date: Date): string {
  const text = date.toISOString();
  const fraction = text.slice(20, 23);
  return `${text.slice(0, 19)}${fraction === '000' ? '' : `.${fraction}000`}+00:00`;
}

/** `20260523T044818` */
export function tsNodash(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
}

/** Python's codes for UTC dates; an unknown code is an error rather than text that looks right. */
export function strftime(date: Date, pattern: string): string {
  return pattern.replaceAll(/%(-?)([a-zA-Z%])/g, (code, bare: string, letter: string) => {
    const text = part(date, letter);
    if (text === undefined) throw new Error(`the date format code ${code} is not known`);
    return bare === '-' ? text.replace(/^0+(?=\d)/, '') : text;
  });
}

function part(date: Date, letter: string): string | undefined {
  const two = (value: number) => String(value).padStart(2, '0');
  switch (letter) {
    case 'Y': return String(date.getUTCFullYear());
    case 'y': return two(date.getUTCFullYear() % 100);
    case 'm': return two(date.getUTCMonth() + 1);
    case 'd': return two(date.getUTCDate());
    case 'H': return two(date.getUTCHours());
    case 'I': return two(date.getUTCHours() % 12 || 12);
    case 'p': return date.getUTCHours() < 12 ? 'AM' : 'PM';
    case 'M': return two(date.getUTCMinutes());
    case 'S': return two(date.getUTCSeconds());
    case 'f': return String(date.getUTCMilliseconds() * 1_000).padStart(6, '0');
    case 'j': return String(Math.floor((Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 0)) / 86_400_000)).padStart(3, '0');
    case 'A': return DAYS[date.getUTCDay()];
    case 'a': return DAYS[date.getUTCDay()]?.slice(0, 3);
    case 'w': return String(date.getUTCDay());
    case 'u': return String(date.getUTCDay() || 7);
    case 'B': return MONTHS[date.getUTCMonth()];
    case 'b': return MONTHS[date.getUTCMonth()]?.slice(0, 3);
    case 'F': return ds(date);
    case 'T': return date.toISOString().slice(11, 19);
    case 'z': return '+0000';
    case 'Z': return 'UTC';
    case 's': return String(Math.floor(date.getTime() / 1_000));
    case '%': return '%';
    default: return undefined;
  }
}
