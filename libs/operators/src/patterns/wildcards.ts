/** Whether a text is a pattern: holds `*`, `?` or `[`. */
export function hasWildcard(text: string): boolean {
  return /[*?[]/.test(text);
}

/**
 * A pattern as a regular expression for a whole text: `*` any characters, `?` one, `[abc]`, `[a-z]`, `[!a]`. Over paths (`byParts`) these stay
 * within one part, and `**` goes over any number of them.
 */
export function wildcardExpression(pattern: string, byParts: boolean): RegExp {
  let expression = '';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i] as string;
    if (byParts && pattern.startsWith('**/', i)) {
      expression += '(?:[^/]+/)*';
      i += 2;
    } else if (byParts && pattern.startsWith('**', i)) {
      expression += '.*';
      i++;
    } else if (char === '*') expression += byParts ? '[^/]*' : '.*';
    else if (char === '?') expression += byParts ? '[^/]' : '.';
    else if (char === '[') {
      const end = pattern.indexOf(']', i + 2);
      if (end < 0) expression += '\\[';
      else {
        expression += `[${pattern.slice(i + 1, end).replace(/^!/, '^').replaceAll('\\', '\\\\')}]`;
        i = end;
      }
    } else expression += char.replaceAll(/[.+^${}()|\\\]/]/g, '\\$&');
  }
  return new RegExp(`^${expression}$`, 's');
}

/** What all texts a pattern matches begin with. */
export function fixedStart(pattern: string): string {
  return pattern.slice(0, pattern.search(/[*?[]|$/));
}
