/** How a loop ends. Its identity is that of an entry in index paths. */
export interface LoopTerms {
  readonly max: number;
  readonly atMax: 'fail' | 'succeed';
}
