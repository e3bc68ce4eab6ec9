import { nearest } from '@millrace/vocabulary';

/** The names of all options of a kind; the compiler holds it to the type: one that is missing or too many does not compile. */
export type OptionNames<Options extends object> = { readonly [Name in keyof Required<Options>]: true };

/**
 * Dag files are bundled without their types being checked: a mistyped option would be taken for none, and a task that should be tried
 * four times be tried once. The sentence about the first such name, or null.
 */
export function unknownOption(of: string, given: object | undefined, known: Readonly<Record<string, true>>): string | null {
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === undefined || Object.hasOwn(known, name)) continue;
    const names = Object.keys(known);
    const near = nearest(name, names);
    return `${of} has no option ${JSON.stringify(name)}${near === null ? `; there are ${names.join(', ')}` : `; did you mean ${JSON.stringify(near)}?`}`;
  }
  return null;
}
