export { bundleFile } from './bundling/bundle-file.js';
export type { Bundle, BundleOutcome, BundleRequest } from './bundling/bundle-file.js';
export { Evaluator } from './evaluation/evaluator.js';
export type { EvaluationOutcome } from './evaluation/evaluator.js';
export type { EvaluationLimits } from './evaluation/sandbox-process.js';
export type { ImportFailure } from './import-errors/import-failure.js';
export { scanFolder } from './scanning/scan-folder.js';
export type { FolderScan, FoundFile } from './scanning/scan-folder.js';
export { definesDags } from './scanning/is-dag-file.js';
