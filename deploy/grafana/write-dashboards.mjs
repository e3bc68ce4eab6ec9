// Writes dashboards/*.json: node deploy/grafana/write-dashboards.mjs. A test compares them with this file, and runs every query against a real Prometheus.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RATE = '[$__rate_interval]';
const rate = (metric, by = '', match = '') => `sum${by ? ` by (${by})` : ''} (rate(${metric}${match}${RATE}))`;
const quantile = (q, metric, by = '') => `histogram_quantile(${q}, sum by (le${by ? `, ${by}` : ''}) (rate(${metric}_bucket${RATE})))`;
const orZero = (expression) => `(${expression}) or vector(0)`;
/** A row of panels: [title, unit, [[query, legend] …], type?, meaning?]. Five sentences below each are for people at three in the morning. */
const DASHBOARDS = {
  overview: ['Millrace / Overview', {
    'Is it well?': [
      ['Schedulers alive', 'short', [['count(rate(millrace_scheduler_heartbeats_total[1m]) > 0)', 'schedulers']], 'stat', 'Schedulers that wrote their heartbeat within the last minute.'],
      ['Workers', 'short', [['count(millrace_worker_slots)', 'workers']], 'stat', 'Worker processes that answer.'],
      ['Slots taken', 'percentunit', [['sum(millrace_worker_running_tasks) / sum(millrace_worker_slots)', 'taken']], 'stat', 'Running tasks over slots.'],
      ['Oldest queued task', 's', [[orZero('max(millrace_task_queued_oldest_seconds)'), 'age']], 'stat', 'Grows while a queue has no worker with a free slot.'],
      ['Quarantined runs', 'short', [['max(millrace_dag_runs_quarantined)', 'runs']], 'stat', 'Expected: none.'],
      ['Import errors', 'short', [['max(millrace_import_errors)', 'files']], 'stat', 'Dag files that cannot be read.'],
    ],
    'Traffic': [
      ['Runs finished', 'ops', [[rate('millrace_runs_finished_total', 'state'), '{{state}}']]],
      ['Tries by state', 'ops', [[rate('millrace_task_instances_ended_total', 'state'), '{{state}}']]],
      ['Instances now', 'short', [['max by (state) (sum by (state, instance) (millrace_task_instances))', '{{state}}'], ['max by (state) (millrace_dag_runs)', 'runs {{state}}']], 'timeseries', 'Of runs that have not ended; every scheduler tells the same.'],
    ],
    'Latency': [
      ['From queued to running', 's', [[quantile(0.5, 'millrace_task_queued_duration_seconds'), 'p50'], [quantile(0.95, 'millrace_task_queued_duration_seconds'), 'p95'], [quantile(0.99, 'millrace_task_queued_duration_seconds'), 'p99']]],
      ['From event to commit', 's', [[quantile(0.5, 'millrace_apply_event_to_commit_seconds'), 'p50'], [quantile(0.99, 'millrace_apply_event_to_commit_seconds'), 'p99']]],
      ['From due to started', 's', [[quantile(0.5, 'millrace_dagrun_schedule_delay_seconds'), 'p50'], [quantile(0.99, 'millrace_dagrun_schedule_delay_seconds'), 'p99']]],
    ],
    'Errors and saturation': [
      ['What the sweeper mended', 'ops', [[rate('millrace_sweeper_repairs_total', 'kind'), '{{kind}}']], 'timeseries', 'Expected: none, but when something died.'],
      ['Answers of the api by status', 'ops', [[rate('millrace_http_requests_total', 'status'), '{{status}}']]],
      ['Event loop lag p99', 's', [['max by (service, instance) (millrace_nodejs_eventloop_lag_p99_seconds)', '{{service}} {{instance}}']]],
    ],
  }],
  scheduler: ['Millrace / Scheduler', {
    'Decisions': [
      ['Events applied', 'ops', [[rate('millrace_apply_events_total', 'instance'), '{{instance}}']]],
      ['Events of a batch', 'short', [[quantile(0.5, 'millrace_apply_batch_events'), 'p50'], [quantile(0.95, 'millrace_apply_batch_events'), 'p95']]],
      ['The statement', 's', [[quantile(0.5, 'millrace_apply_commit_seconds'), 'p50'], [quantile(0.99, 'millrace_apply_commit_seconds'), 'p99']]],
      ['Version conflicts and failures', 'ops', [[rate('millrace_apply_conflicts_total'), 'conflicts'], [rate('millrace_apply_failures_total'), 'failures']], 'timeseries', 'A conflict is a run that somebody else wrote first: work done twice, never wrong.'],
    ],
    'Lags': [
      ['Scheduled to queued, by queue (p95)', 's', [[quantile(0.95, 'millrace_task_scheduled_duration_seconds', 'queue'), '{{queue}}']]],
      ['Queued to running, by queue (p95)', 's', [[quantile(0.95, 'millrace_task_queued_duration_seconds', 'queue'), '{{queue}}']]],
      ['Handed on in the same commit', 'percentunit', [['sum(rate(millrace_attempts_continued_total[$__rate_interval])) / (sum(rate(millrace_attempts_continued_total[$__rate_interval])) + sum(rate(millrace_attempts_queued_total[$__rate_interval])))', 'continued']]],
    ],
    'Loops': [
      ['Passes (p99)', 's', [[quantile(0.99, 'millrace_scheduler_loop_seconds', 'loop'), '{{loop}}']]],
      ['Failed passes', 'ops', [[orZero(rate('millrace_scheduler_loop_failures_total')), 'failed']]],
      ['Timers overdue, events waiting', 'short', [['max(millrace_timers_overdue)', 'timers'], ['max(millrace_run_events_waiting)', 'events']]],
    ],
    'Saturation': [
      ['Runs in memory', 'short', [['millrace_runs_in_memory', '{{instance}}']]],
      ['Instances in memory', 'short', [['millrace_instances_in_memory', '{{instance}}']]],
      ['CPU', 'percentunit', [['rate(millrace_process_cpu_seconds_total{service="scheduler"}[$__rate_interval])', '{{instance}}']]],
      ['Memory', 'bytes', [['millrace_process_resident_memory_bytes{service="scheduler"}', '{{instance}}']]],
    ],
  }],
  workers: ['Millrace / Workers', {
    'Work': [
      ['Running tasks and slots', 'short', [['sum(millrace_worker_running_tasks)', 'running'], ['sum(millrace_worker_slots)', 'slots']]],
      ['Running tasks by worker', 'short', [['millrace_worker_running_tasks', '{{instance}}']]],
      ['Instances by queue and state', 'short', [['max by (queue, state) (millrace_task_instances)', '{{queue}} {{state}}']]],
      ['Ended tries', 'ops', [[rate('millrace_worker_completions_total', 'outcome'), '{{outcome}}']]],
    ],
    'Latency': [
      ['Delivery to start', 's', [[quantile(0.5, 'millrace_worker_start_delay_seconds'), 'p50'], [quantile(0.99, 'millrace_worker_start_delay_seconds'), 'p99']]],
      ['Duration of tries', 's', [[quantile(0.5, 'millrace_task_duration_seconds', 'outcome'), 'p50 {{outcome}}'], [quantile(0.95, 'millrace_task_duration_seconds', 'outcome'), 'p95 {{outcome}}']]],
      ['Claims', 'ops', [[rate('millrace_worker_claims_total', 'answer'), '{{answer}}']]],
    ],
    'Trouble': [
      ['Results that wait for a scheduler', 'short', [['millrace_worker_spool_results', '{{instance}}']]],
      ['Leases lost', 'ops', [[rate('millrace_worker_session_losses_total'), 'leases']]],
      ['Schedulers connected', 'short', [['millrace_worker_schedulers_connected', '{{instance}}']]],
      ['Draining', 'short', [['sum(millrace_worker_draining)', 'workers']]],
    ],
    'Processes': [
      ['Runner processes', 'short', [['millrace_worker_runners', '{{instance}}']]],
      ['Runners started', 'ops', [[rate('millrace_worker_runner_starts_total'), 'starts']], 'timeseries', 'Flat under load: tasks reuse them.'],
      ['CPU of the supervisor', 'percentunit', [['rate(millrace_process_cpu_seconds_total{service="worker"}[$__rate_interval])', '{{instance}}']]],
    ],
  }],
  dags: ['Millrace / Dags', {
    'Runs': [
      ['Runs finished by dag', 'ops', [[rate('millrace_runs_finished_total', 'dag_id, state', '{dag_id=~"$dag"}'), '{{dag_id}} {{state}}']]],
      ['Tries by dag and state', 'ops', [[rate('millrace_task_instances_ended_total', 'dag_id, state', '{dag_id=~"$dag"}'), '{{dag_id}} {{state}}']]],
      ['Failed tries, share', 'percentunit', [['sum by (dag_id) (rate(millrace_task_instances_ended_total{dag_id=~"$dag",state=~"failed|up_for_retry"}[$__rate_interval])) / sum by (dag_id) (rate(millrace_task_instances_ended_total{dag_id=~"$dag",state=~"success|failed|up_for_retry"}[$__rate_interval]))', '{{dag_id}}']]],
      ['Duration of runs', 's', [[quantile(0.5, 'millrace_dagrun_duration_seconds', 'state'), 'p50 {{state}}'], [quantile(0.95, 'millrace_dagrun_duration_seconds', 'state'), 'p95 {{state}}']]],
    ],
    'Files': [
      ['Dags', 'short', [['max by (state) (millrace_dags)', '{{state}}']]],
      ['Dag files processed', 'ops', [[rate('millrace_dag_files_processed_total', 'result'), '{{result}}']]],
      ['Processing a file (p95)', 's', [[quantile(0.95, 'millrace_dag_file_process_seconds'), 'process'], [quantile(0.95, 'millrace_dag_file_publish_seconds'), 'publish']]],
      ['Import errors', 'short', [['max(millrace_import_errors)', 'files']]],
    ],
    'Pools': [
      ['Slots in use', 'short', [['max by (pool, state) (sum by (pool, state, instance) (millrace_pool_used_slots))', '{{pool}} {{state}}']]],
      ['Slots there are', 'short', [['max by (pool) (millrace_pool_slots)', '{{pool}}']], 'timeseries', '-1: without limit.'],
    ],
  }],
  api: ['Millrace / Api and logs', {
    'Api': [
      ['Requests by route', 'ops', [[rate('millrace_http_requests_total', 'method, route'), '{{method}} {{route}}']]],
      ['Time to answer by route (p95)', 's', [[quantile(0.95, 'millrace_http_request_seconds', 'route'), '{{route}}']]],
      ['Errors', 'ops', [[orZero(rate('millrace_http_requests_total', '', '{status=~"5.."}')), '5xx'], [orZero(rate('millrace_http_requests_total', '', '{status=~"4.."}')), '4xx']]],
      ['In flight', 'short', [['millrace_http_requests_in_flight', '{{instance}}']]],
      ['Triggers', 'ops', [[rate('millrace_triggers_total', 'result'), '{{result}}']]],
      ['Logins', 'ops', [[rate('millrace_logins_total', 'result'), '{{result}}']]],
    ],
    'Logs': [
      ['Reads of the log-servers', 'ops', [[orZero(rate('millrace_log_reads_total', 'status')), '{{status}}']]],
      ['Time to read (p95)', 's', [[orZero(`${quantile(0.95, 'millrace_log_read_seconds')} >= 0`), 'p95']]],
    ],
  }],
  backends: ['Millrace / RabbitMQ and PostgreSQL', {
    'As the services see them': [
      ['Connections to the broker', 'short', [['min by (service, purpose) (millrace_broker_connected)', '{{service}} {{purpose}}']]],
      ['Messages published', 'ops', [[rate('millrace_broker_publishes_total', 'result'), '{{result}}']]],
      ['Waiting messages by task queue', 'short', [[orZero('max by (queue) (millrace_broker_queue_messages)'), '{{queue}}']]],
      ['Database connections', 'short', [['sum by (service, pool, state) (millrace_database_connections)', '{{service}} {{pool}} {{state}}']]],
      ['Oldest transaction', 's', [['max(millrace_database_oldest_transaction_seconds)', 'age']]],
    ],
    'RabbitMQ': [
      ['Ready messages by queue', 'short', [['sum by (queue) (rabbitmq_detailed_queue_messages_ready{queue=~"millrace.*"})', '{{queue}}']]],
      ['Consumers', 'short', [['sum(rabbitmq_consumers)', 'consumers'], ['sum(rabbitmq_connections)', 'connections']]],
      ['Memory', 'bytes', [['sum(rabbitmq_process_resident_memory_bytes)', 'resident'], ['sum(rabbitmq_resident_memory_limit_bytes)', 'limit']]],
      ['Free disk', 'bytes', [['min(rabbitmq_disk_space_available_bytes)', 'free']]],
    ],
    'PostgreSQL': [
      ['Commits and rollbacks', 'ops', [['sum(rate(pg_stat_database_xact_commit[$__rate_interval]))', 'commits'], ['sum(rate(pg_stat_database_xact_rollback[$__rate_interval]))', 'rollbacks']]],
      ['Backends', 'short', [['sum by (state) (pg_stat_activity_count)', '{{state}}']]],
      ['Read from disk', 'percentunit', [['sum(rate(pg_stat_database_blks_read[$__rate_interval])) / (sum(rate(pg_stat_database_blks_read[$__rate_interval])) + sum(rate(pg_stat_database_blks_hit[$__rate_interval])))', 'share']]],
      ['Size', 'bytes', [['sum(pg_database_size_bytes{datname!~"template.*|postgres"})', 'size']]],
    ],
  }],
};

const datasource = { type: 'prometheus', uid: '${datasource}' };
for (const [name, dashboard] of Object.entries(dashboards())) {
  const file = join(import.meta.dirname, 'dashboards', `${name}.json`);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, dashboard);
  const copy = join(import.meta.dirname, '../../k8s/chart/files/dashboards');
  mkdirSync(copy, { recursive: true });
  writeFileSync(join(copy, `${name}.json`), dashboard);
}

export function dashboards() {
  return Object.fromEntries(Object.entries(DASHBOARDS).map(([name, [title, rows]]) => [name, `${JSON.stringify(dashboard(name, title, rows), null, 1)}\n`]));
}

function dashboard(name, title, rows) {
  const panels = [];
  let id = 1;
  let y = 0;
  for (const [heading, row] of Object.entries(rows)) {
    panels.push({ id: id++, type: 'row', title: heading, collapsed: false, panels: [], gridPos: { x: 0, y: y++, w: 24, h: 1 } });
    const small = row.every(([, , , type]) => type === 'stat');
    const [columns, h] = small ? [row.length, 4] : [Math.min(3, row.length), 8];
    const w = Math.floor(24 / columns);
    row.forEach(([panelTitle, unit, targets, type = 'timeseries', description = ''], i) => {
      panels.push({
        id: id++, type, title: panelTitle, description, datasource, gridPos: { x: (i % columns) * w, y: y + Math.floor(i / columns) * h, w, h },
        fieldConfig: { defaults: { unit, min: 0, ...(type === 'timeseries' ? { custom: { fillOpacity: 10, showPoints: 'never' } } : {}) }, overrides: [] },
        options: type === 'stat' ? { reduceOptions: { calcs: ['lastNotNull'] } } : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
        targets: targets.map(([expr, legendFormat], t) => ({ refId: 'ABCDEF'[t], datasource, expr, legendFormat })),
      });
    });
    y += Math.ceil(row.length / columns) * h;
  }
  const variables = [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus' }];
  if (JSON.stringify(rows).includes('$dag')) variables.push({ name: 'dag', type: 'query', label: 'Dag', datasource, query: { query: 'label_values(millrace_runs_finished_total, dag_id)', refId: 'dag' }, refresh: 2, includeAll: true, multi: true, allValue: '.*', current: { text: 'All', value: '$__all' } });
  return { uid: `millrace-${name}`, title, tags: ['millrace'], schemaVersion: 39, version: 1, editable: true, refresh: '30s', time: { from: 'now-3h', to: 'now' }, templating: { list: variables }, links: [{ type: 'dashboards', tags: ['millrace'], asDropdown: true, title: 'Millrace' }], panels };
}
