/** A server answered with a status that is no success. `code` is `HTTP_<status>`, for retry policies. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly code: string;
  constructor(readonly status: number, message: string) {
    super(message);
    this.code = `HTTP_${status}`;
  }
}
