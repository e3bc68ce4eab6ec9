/** Secrets shorter than this are not masked: they would blank out half of every log. */
const SHORTEST_SECRET = 5;
const MASK = '***';

/**
 * Replaces registered secrets by `***`, also their base64, URL-encoded and JSON-escaped forms, and each line of a secret
 * of several lines. Masking comes before any cutting, and a secret that arrives in two chunks is found ({@link stream}).
 */
export class SecretMask {
  private readonly forms = new Set<string>();
  private pattern: RegExp | null = null;
  private longest = 0;

  /** Registers every text in a value, however nested; numbers and booleans count as their text. */
  add(secret: unknown): void {
    if (typeof secret === 'object' && secret !== null) {
      for (const part of Object.values(secret)) this.add(part);
      return;
    }
    if (typeof secret === 'boolean' || secret === null || secret === undefined) return;
    const text = String(secret);
    for (const form of formsOf(text)) this.forms.add(form);
    if (this.forms.size === 0) return;
    // Longest first: a secret that contains another is blanked as a whole.
    const ordered = [...this.forms].sort((a, b) => b.length - a.length);
    this.longest = ordered[0]?.length ?? 0;
    this.pattern = new RegExp(ordered.map((form) => form.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
  }

  mask(text: string): string {
    return this.pattern === null ? text : text.replace(this.pattern, MASK);
  }

  /** For text that arrives in pieces: `push` gives what is safe to show, `flush` the rest. */
  stream(): { push(text: string): string; flush(): string } {
    let held = '';
    return {
      push: (text) => {
        const all = held + text;
        const cut = this.safeLength(all);
        held = all.slice(cut);
        return this.mask(all.slice(0, cut));
      },
      flush: () => {
        const rest = this.mask(held);
        held = '';
        return rest;
      },
    };
  }

  /** How much of a text no secret can still begin in. */
  private safeLength(text: string): number {
    if (this.pattern === null) return text.length;
    let cut = text.length;
    for (let start = Math.max(0, text.length - this.longest + 1); start < text.length; start++) {
      const tail = text.slice(start);
      if ([...this.forms].some((form) => form.length > tail.length && form.startsWith(tail))) {
        cut = start;
        break;
      }
    }
    // A whole secret across the cut stays together.
    for (const match of text.matchAll(this.pattern)) {
      if (match.index < cut && match.index + match[0].length > cut) cut = match.index;
    }
    return cut;
  }
}

function formsOf(text: string): string[] {
  const lines = /[\r\n]/.test(text) ? text.split(/\r?\n|\r/).filter((line) => line.trim().length >= 8) : [];
  const forms = [text, ...lines];
  if (text.length >= SHORTEST_SECRET) {
    forms.push(JSON.stringify(text).slice(1, -1), Buffer.from(text).toString('base64'), Buffer.from(text).toString('base64url'));
    try {
      forms.push(encodeURIComponent(text));
    } catch {
      // A lone surrogate has no URL-encoded form.
    }
  }
  return [...new Set(forms)].filter((form) => form.length >= SHORTEST_SECRET);
}
