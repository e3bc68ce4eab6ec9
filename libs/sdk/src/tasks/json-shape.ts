/**
 * What a value is after it travelled as XCom, which is JSON: a `Date` arrives as text, a function not at all.
 * A part that JSON cannot carry becomes `never`, so that handing it on does not compile.
 */
export type JsonOf<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends void
      ? undefined
      : T extends { toJSON(): infer J }
        ? JsonOf<J>
        : T extends bigint | symbol | ((...args: never[]) => unknown) | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
          ? never
          : T extends object
            ? { [K in keyof T]: JsonOf<T[K]> }
            : never;
