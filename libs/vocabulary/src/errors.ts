/**
 * Every refusal a caller can get, with how each interface says it.
 * A code is stable; the sentence is for a person; `details` are data.
 */
export const ERRORS = {
  bad_request: { http: 400, grpc: 'INVALID_ARGUMENT', exit: 2 },
  unauthorized: { http: 401, grpc: 'UNAUTHENTICATED', exit: 4 },
  forbidden: { http: 403, grpc: 'PERMISSION_DENIED', exit: 4 },
  dag_not_found: { http: 404, grpc: 'NOT_FOUND', exit: 3 },
  run_not_found: { http: 404, grpc: 'NOT_FOUND', exit: 3 },
  task_not_found: { http: 404, grpc: 'NOT_FOUND', exit: 3 },
  instance_not_found: { http: 404, grpc: 'NOT_FOUND', exit: 3 },
  not_found: { http: 404, grpc: 'NOT_FOUND', exit: 3 },
  conflict: { http: 409, grpc: 'ALREADY_EXISTS', exit: 5 },
  precondition_failed: { http: 412, grpc: 'FAILED_PRECONDITION', exit: 5 },
  invalid: { http: 422, grpc: 'INVALID_ARGUMENT', exit: 2 },
  too_large: { http: 413, grpc: 'RESOURCE_EXHAUSTED', exit: 2 },
  unavailable: { http: 503, grpc: 'UNAVAILABLE', exit: 6 },
} as const satisfies Record<string, { http: number; grpc: string; exit: number }>;

export type ErrorCode = keyof typeof ERRORS;

/** A refusal with a stable code. Bugs and broken machines are other exceptions. */
export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}
