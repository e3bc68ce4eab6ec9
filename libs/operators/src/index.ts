export { BashOperator } from './bash/bash-operator.js';
export type { BashOperatorOptions } from './bash/bash-operator.js';
export { PythonOperator } from './python/python-operator.js';
export type { PythonOperatorOptions } from './python/python-operator.js';
export { EmptyOperator } from './empty/empty-operator.js';
export { BranchOperator } from './branch/branch-operator.js';
export type { BranchOperatorOptions } from './branch/branch-operator.js';
export { ShortCircuitOperator } from './branch/short-circuit-operator.js';
export type { ShortCircuitOperatorOptions } from './branch/short-circuit-operator.js';
