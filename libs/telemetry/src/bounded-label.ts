/** What stands for every value that has no series of its own. */
export const OTHER = 'other';

/**
 * Values of a label that come from users (dag ids): the first so many keep their name, all later ones share `other`, so that a metric's
 * series are bounded whatever is deployed. A value that has a name keeps it until the process ends.
 */
export class BoundedLabel {
  readonly #known = new Set<string>();

  /** @param max names that are kept; 0: every value is `other`. */
  constructor(private readonly max: number) {}

  of(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.max) return OTHER;
    this.#known.add(value);
    return value;
  }
}
