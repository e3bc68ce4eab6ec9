/** Fields every line may carry; ids make a line findable. Values that look like secrets are masked before they are written. */
export interface LogFields {
  readonly dag_id?: string;
  readonly run_id?: string;
  readonly task_id?: string;
  readonly attempt_id?: string;
  readonly try_number?: number;
  readonly [field: string]: unknown;
}

/** Structured service log, one JSON object a line (or coloured text on a terminal). Not for task logs. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}
