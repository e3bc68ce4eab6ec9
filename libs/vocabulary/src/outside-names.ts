/** The environment variable of a connection: `warehouse-eu` is `MILLRACE_CONN_WAREHOUSE_EU`. */
export function connectionVariable(connectionId: string): string {
  return `MILLRACE_CONN_${inCapitals(connectionId)}`;
}

/** The environment variable of a variable: `region` is `MILLRACE_VAR_REGION`. */
export function variableVariable(key: string): string {
  return `MILLRACE_VAR_${inCapitals(key)}`;
}

function inCapitals(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_');
}
