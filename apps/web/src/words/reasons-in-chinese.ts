/** Why an instance or a run waits, in Chinese: made of the kind and the facts of a reason as the api tells it, whose own sentence is English. */
type Data = Readonly<Record<string, unknown>>;

const text = (value: unknown): string => String(value ?? '');
const from = (since: unknown): string => (typeof since === 'string' ? `自 ${since} 起` : '');
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const SHOWN = 20;
function tasksOf(value: unknown): string {
  const tasks = list(value) as readonly { readonly taskId: string; readonly states: Readonly<Record<string, number>> }[];
  const names = tasks.slice(0, SHOWN).map(({ taskId, states }) => `${taskId}（${Object.entries(states).map(([state, count]) => (count === 1 ? state : `${count} 个 ${state}`)).join('，')}）`);
  return `${names.join('、')}${tasks.length > SHOWN ? `，以及另外 ${tasks.length - SHOWN} 个任务` : ''}`;
}

/** By kind, as `libs/engine/src/why/reasons.ts` names them; the spec finds what is missing. */
export const REASONS_IN_CHINESE: Readonly<Record<string, (data: Data) => string>> = {
  finished: ({ state }) => `已结束：${text(state)}`,
  run_queued: () => '所属 Dag 执行尚未开始',
  run_quarantined: ({ reason }) => `该 Dag 执行无法推进，已被隔离：${text(reason)}`,
  to_be_decided: () => '没有阻碍：调度器会在下一个事件时，或在数秒内的巡检时作出决定',
  upstream: ({ rule, unfinished, total, tasks }) => `触发规则 ${text(rule)}：上游 ${text(total)} 个实例中还有 ${text(unfinished)} 个未完成：${tasksOf(tasks)}`,
  setups: ({ tasks }) => `需要先成功完成 setup 任务：${tasksOf(tasks)}`,
  length: ({ tasks }) => `展开所依据的任务结束后才知道实例数量${list(tasks).length === 0 ? '' : `：${tasksOf(tasks)}`}`,
  past: ({ run_id }) => `依赖上一次执行 ${text(run_id)}，其中对应的任务尚未成功`,
  maintenance: ({ by, since, reason }) => `维护模式：由 ${text(by)} ${from(since)}开启${reason === null || reason === undefined ? '' : `（${text(reason)}）`}，不会开始新的任务`,
  dag_paused: ({ dag_id }) => `Dag ${text(dag_id)} 已暂停：不会开始新的执行或任务`,
  max_active_tasks: ({ limit, active, ahead }) => `该执行中已有 ${text(active)} 个任务排队或执行中，maxActiveTasks 为 ${text(limit)}；前面还有 ${text(ahead)} 个任务`,
  workers_full: ({ queue, workers, free_slots, ahead }) => `队列 ${text(queue)} 的 Worker 已有足够的工作（${text(workers)} 个 Worker，${text(free_slots)} 个空闲槽位），很快会排入队列；该执行中前面还有 ${text(ahead)} 个任务`,
  no_worker: ({ queue }) => `没有 Worker 监听队列 ${text(queue)}：请启动一个监听该队列的 Worker`,
  in_queue: ({ queue, since, workers, free_slots }) => `${from(since)}在队列 ${text(queue)} 中等待：${text(workers)} 个 Worker 监听该队列，${free_slots === 0 ? '均无空闲槽位' : `${text(free_slots)} 个槽位空闲`}；具体位置只有消息代理知道`,
  pool: ({ pool, slots, used, needs, holders }) => `资源池 ${text(pool)} 共 ${text(slots)} 个槽位，已用 ${text(used)} 个，需要 ${text(needs)} 个${list(holders).length === 0 ? '' : `；占用者：${list(holders).map(text).join('、')}`}`,
  slots: ({ since, pool }) => `${from(since)}等待跨执行统计的槽位（资源池 ${text(pool)}、任务或 Dag 的限制）；更紧急或更早申请的实例优先`,
  task_limit: ({ scope, limit, active }) => `该任务在${scope === 'dag' ? '整个 Dag' : '该执行'}中已有 ${text(active)} 个实例排队或执行中，上限为 ${text(limit)}`,
  running: ({ worker, since, heard }) => `${from(since)}${worker === null || worker === undefined ? '' : `在 Worker ${text(worker)} 上`}执行${typeof heard === 'string' ? `，最近一次心跳：${text(heard)}` : ''}`,
  stopping: ({ worker, reason }) => `${text(reason)}：已请求停止${worker === null || worker === undefined ? '' : ` Worker ${text(worker)} 上的`}本次尝试，随后重新执行`,
  retry_at: ({ at, try_number, max_tries }) => `第 ${text(try_number)} 次尝试失败（共 ${Number(max_tries ?? 0) + 1} 次）；${typeof at === 'string' ? `下一次在 ${text(at)}` : '即将重试'}`,
  run_retry_at: ({ at }) => `该 Dag 执行失败，将于 ${text(at)} 重新执行失败的任务`,
  time: ({ at }) => `等待至 ${text(at)}`,
  signal: ({ key }) => `等待外部报告键 ${JSON.stringify(text(key))}`,
  other_run: ({ dag_id, run_id, logical_date }) => `等待 Dag ${text(dag_id)}：${typeof run_id === 'string' ? run_id : typeof logical_date === 'string' ? `${text(logical_date)} 的执行（尚不存在）` : '的一次执行'}`,
  person: ({ until }) => `等待人工答复${typeof until === 'string' ? `，最迟 ${text(until)}` : ''}`,
  max_active_runs: ({ limit, running }) => `该 Dag 已有 ${text(running)} 次执行正在进行，maxActiveRuns 为 ${text(limit)}`,
  backfill_paused: ({ backfill_id }) => `所属回填 ${text(backfill_id)} 已暂停`,
  backfill_limit: ({ backfill_id, limit, running }) => `所属回填 ${text(backfill_id)} 已有 ${text(running)} 次执行正在进行，上限为 ${text(limit)}`,
  held: ({ by_run_id }) => `执行 ${text(by_run_id)} 失败，该 Dag 在失败后保持停止：请放行该 Dag，或修复那次执行`,
  not_before: ({ at }) => `不早于 ${text(at)} 开始`,
  tasks: ({ unfinished, by_state }) => (unfinished === 0 ? '所有任务均已结束：将随下一次决定结束' : `还有 ${text(unfinished)} 个任务实例未完成：${Object.entries((by_state ?? {}) as Record<string, number>).map(([state, count]) => `${count} 个 ${state}`).join('，')}`),
};
