/** Rules of one `.millraceignore`, in gitignore style: `*`, `**`, `?`, `[a-z]`, a leading `/`, a closing `/`, `!`, `#`. The last match wins. */
export class IgnoreRules {
  private readonly rules: readonly { readonly pattern: RegExp; readonly negated: boolean; readonly foldersOnly: boolean }[];

  constructor(text: string) {
    this.rules = text.split(/\r?\n/).flatMap((raw) => {
      const line = raw.replace(/(?<!\\)\s+$/, '');
      if (line === '' || line.startsWith('#')) return [];
      const negated = line.startsWith('!');
      const body = (negated ? line.slice(1) : line).replace(/^\\([#!])/, '$1');
      const foldersOnly = body.endsWith('/');
      const path = foldersOnly ? body.slice(0, -1) : body;
      // A slash anywhere but at the end ties the pattern to this folder; otherwise it matches a name at any depth.
      const anchored = path.includes('/');
      return [{ pattern: new RegExp(`^${anchored ? '' : '(?:.*/)?'}${translated(path.replace(/^\//, ''))}$`, 'u'), negated, foldersOnly }];
    });
  }

  /** True: ignored, false: wanted after all (`!`), null: no rule says anything. @param path relative to the file's folder, with `/` */
  decide(path: string, isFolder: boolean): boolean | null {
    for (let i = this.rules.length - 1; i >= 0; i--) {
      const rule = this.rules[i];
      if (rule !== undefined && (isFolder || !rule.foldersOnly) && rule.pattern.test(path)) return !rule.negated;
    }
    return null;
  }
}

function translated(glob: string): string {
  let out = '';
  for (let i = 0; i < glob.length; i++) {
    const char = glob.charAt(i);
    if (glob.startsWith('**/', i)) {
      out += '(?:.*/)?';
      i += 2;
    } else if (glob.startsWith('**', i)) {
      out += '.*';
      i += 1;
    } else if (char === '*') out += '[^/]*';
    else if (char === '?') out += '[^/]';
    else if (char === '[' && glob.indexOf(']', i + 2) > 0) {
      const end = glob.indexOf(']', i + 2);
      const body = glob.slice(i + 1, end);
      out += `[${body.startsWith('!') ? `^${escaped(body.slice(1))}` : escaped(body)}]`;
      i = end;
    } else if (char === '\\' && i + 1 < glob.length) out += escaped(glob.charAt(++i));
    else out += escaped(char);
  }
  return out;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
