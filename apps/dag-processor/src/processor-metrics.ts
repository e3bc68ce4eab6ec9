import type { Metrics } from '@millrace/telemetry';

export type ProcessorMetrics = ReturnType<typeof processorMetrics>;

/** What the dag-processor counts. */
export function processorMetrics(metrics: Metrics) {
  return {
    files: metrics.counter({ name: 'dag_files_processed_total', help: 'Dag files processed, by result.', labels: ['result'] }),
    processSeconds: metrics.histogram({ name: 'dag_file_process_seconds', help: 'Bundling and evaluating one dag file.' }),
    publishSeconds: metrics.histogram({ name: 'dag_file_publish_seconds', help: 'From processed to answered by the api.' }),
    present: metrics.gauge({ name: 'dag_files', help: 'Dag files in the folders, at the last look.', labels: ['folder'] }),
    lookSeconds: metrics.histogram({ name: 'dag_folder_look_seconds', help: 'One look at a dags folder, with the processing of what changed.', labels: ['folder'] }),
    apiFailures: metrics.counter({ name: 'dag_processor_api_failures_total', help: 'Calls the api did not answer.' }),
  };
}
