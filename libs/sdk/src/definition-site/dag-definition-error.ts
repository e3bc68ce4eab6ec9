import { siteText } from './definition-site.js';
import type { DefinitionSite } from './definition-site.js';

/** A dag that cannot be: the sentence says what is wrong and what to do, `definedAt` where in the author's code. */
export class DagDefinitionError extends Error {
  override readonly name = 'DagDefinitionError';
  /** `file:line:column` of the definition that is wrong; not always the line that threw. */
  readonly definedAt: string | null;
  constructor(message: string, site: DefinitionSite | null = null) {
    super(message);
    this.definedAt = site === null ? null : siteText(site);
  }
}
