// The start page: everything it shows comes from the REST API, and every text goes in as text, never as markup.

const TOKEN = 'millrace.token';
const REFRESH_MS = 2_000;
const RUNS_SHOWN = 12;
const OVER = new Set(['success', 'failed', 'skipped', 'upstream_failed', 'removed']);
const page = { main: byId('main'), crumbs: byId('crumbs'), message: byId('message'), health: byId('health'), logout: byId('logout') };
/** Ends what the page shown now keeps doing. */
let leave = new AbortController();

page.logout.addEventListener('click', () => {
  sessionStorage.removeItem(TOKEN);
  show();
});
addEventListener('hashchange', show);
show();

async function show() {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  say('');
  const loggedIn = sessionStorage.getItem(TOKEN) !== null;
  page.logout.hidden = !loggedIn;
  const [dagId, , runId, , taskId, mapIndex, tryNumber] = location.hash.replace(/^#\/?(dags\/)?/, '').split('/').map(decodeURIComponent);
  crumbs(loggedIn ? [dagId, runId, taskId] : []);
  if (!loggedIn) return showLogin();
  if (taskId) return showLog({ dagId, runId, taskId, mapIndex: Number(mapIndex), tryNumber: Number(tryNumber) }, signal);
  const draw = runId ? () => drawRun(dagId, runId) : dagId ? () => drawDag(dagId) : drawDags;
  await repeat(draw, signal);
}

/** Draws again and again while the page is in view. */
async function repeat(draw, signal) {
  let drawn = '';
  while (!signal.aborted) {
    if (document.visibilityState === 'visible') {
      try {
        const nodes = await draw(signal);
        if (signal.aborted) return;
        const now = nodes.map((node) => node.outerHTML).join('');
        // Untouched when nothing changed, so that focus, selection and scrolling stay.
        if (now !== drawn) page.main.replaceChildren(...nodes);
        drawn = now;
        say('');
      } catch (error) {
        if (!signal.aborted) say(error.message);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
  }
}

function showLogin() {
  const name = h('input', { id: 'name', name: 'username', autocomplete: 'username', value: 'admin', required: true });
  const password = h('input', { id: 'password', name: 'password', type: 'password', autocomplete: 'current-password', required: true });
  const button = h('button', { type: 'submit' }, 'Log in');
  const form = h('form', { class: 'card login' }, h('h1', {}, 'Log in'), h('label', { for: 'name' }, 'User'), name, h('label', { for: 'password' }, 'Password'), password, button);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const { access_token: token } = await call('POST', '/auth/token', { username: name.value, password: password.value });
      sessionStorage.setItem(TOKEN, token);
      await show();
    } catch (error) {
      say(error.message);
      button.disabled = false;
      password.select();
    }
  });
  page.health.textContent = '';
  page.main.replaceChildren(form);
  password.focus();
}

async function drawDags() {
  const [{ dags, total_entries: total }, { dag_runs: runs }, health] = await Promise.all([
    call('GET', '/api/v2/dags?limit=100'),
    call('GET', '/api/v2/dags/~/dagRuns?order_by=-run_after&limit=100'),
    call('GET', '/api/v2/monitor/health'),
  ]);
  const ill = ['metadatabase', 'scheduler', 'dag_processor'].filter((name) => health[name].status !== 'healthy');
  page.health.textContent = ill.length === 0 ? 'all services healthy' : `not healthy: ${ill.join(', ').replaceAll('_', ' ')}`;
  const head = h('div', { class: 'bar' }, h('h1', {}, 'Dags', h('small', {}, total > dags.length ? `${dags.length} of ${total}` : String(total))));
  if (dags.length === 0) return [head, h('div', { class: 'card empty' }, 'No dags yet. Put a dag file into the dags folder; it appears here within seconds.')];
  const rows = dags.map((dag) =>
    h('tr', {},
      h('td', { class: 'id' }, h('a', { href: link(dag.dag_id) }, dag.dag_display_name), ' ', dag.has_import_errors ? h('span', { class: 'state failed' }, 'import error') : '', h('div', {}, ...dag.tags.map((tag) => h('span', { class: 'tag' }, tag.name)))),
      h('td', { class: 'wide' }, dag.timetable_summary ?? '–', dag.is_paused ? h('span', { class: 'tag' }, 'paused') : ''),
      h('td', {}, h('span', { class: 'runs' }, ...runs.filter((run) => run.dag_id === dag.dag_id).slice(0, RUNS_SHOWN).reverse().map(runBox))),
      h('td', { class: 'time wide' }, when(dag.next_dagrun_run_after)),
      h('td', {}, triggerButton(dag)),
    ));
  return [head, table(['Dag', '.wide Schedule', 'Last runs', '.wide Next run', ''], rows)];
}

async function drawDag(dagId) {
  const [dag, { dag_runs: runs, total_entries: total }] = await Promise.all([
    call('GET', `/api/v2${path(dagId)}`),
    call('GET', `/api/v2${path(dagId)}/dagRuns?order_by=-run_after&limit=50`),
  ]);
  const pause = h('button', { class: 'quiet', type: 'button' }, dag.is_paused ? 'Unpause' : 'Pause');
  pause.addEventListener('click', () => act(pause, () => call('PATCH', `/api/v2${path(dagId)}`, { is_paused: !dag.is_paused })));
  const head = h('div', { class: 'bar' }, h('h1', {}, dag.dag_display_name, h('small', {}, [dag.timetable_summary, dag.description].filter(Boolean).join(' · '))), pause, triggerButton(dag));
  if (runs.length === 0) return [head, h('div', { class: 'card empty' }, 'No runs yet.')];
  const rows = runs.map((run) => h('tr', {}, h('td', { class: 'id' }, h('a', { href: link(dagId, run.dag_run_id) }, run.dag_run_id)), h('td', {}, state(run.state)), h('td', { class: 'wide' }, run.run_type), h('td', { class: 'time wide' }, when(run.start_date)), h('td', { class: 'number' }, length(run.duration))));
  return [head, table([total > runs.length ? `Run (newest ${runs.length} of ${total})` : 'Run', 'State', '.wide Type', '.wide Started', 'Took'], rows)];
}

async function drawRun(dagId, runId) {
  const [run, { task_instances: instances, total_entries: total }] = await Promise.all([
    call('GET', `/api/v2${path(dagId, runId)}`),
    call('GET', `/api/v2${path(dagId, runId)}/taskInstances?limit=100&order_by=start_date`),
  ]);
  const clear = h('button', { class: 'quiet', type: 'button' }, 'Run again');
  clear.addEventListener('click', () => act(clear, () => call('POST', `/api/v2${path(dagId, runId)}/clear`, { dry_run: false })));
  const head = h('div', { class: 'bar' }, h('h1', {}, runId, h('small', {}, state(run.state))), clear);
  const rows = instances.map((one) => h('tr', {},
    h('td', { class: 'id' }, one.try_number > 0 ? h('a', { href: link(dagId, runId, one) }, name(one)) : name(one)),
    h('td', {}, state(one.state)), h('td', { class: 'wide' }, one.operator_name), h('td', { class: 'number' }, one.try_number || '–'), h('td', { class: 'time wide' }, when(one.start_date)), h('td', { class: 'number' }, length(one.duration))));
  if (rows.length === 0) return [head, h('div', { class: 'card empty' }, 'The scheduler has not begun this run yet.')];
  return [head, table([total > rows.length ? `Task (${rows.length} of ${total})` : 'Task', 'State', '.wide Operator', 'Try', '.wide Started', 'Took'], rows)];
}

async function showLog({ dagId, runId, taskId, mapIndex, tryNumber }, signal) {
  const instancePath = `/dags/${enc(dagId)}/dagRuns/${enc(runId)}/taskInstances/${enc(taskId)}`;
  const label = h('small', {}, '');
  const tries = h('span', {});
  const log = h('pre', { tabindex: 0, 'aria-label': 'Log' });
  page.main.replaceChildren(h('div', { class: 'bar' }, h('h1', {}, mapIndex < 0 ? taskId : `${taskId} [${mapIndex}]`, label), tries), h('div', { class: 'card' }, log));
  const refresh = async () => {
    const one = await call('GET', `/api/v2${instancePath}${mapIndex < 0 ? '' : `/${mapIndex}`}`);
    label.replaceChildren(state(one.state), ` try ${tryNumber} of ${one.try_number}`);
    tries.replaceChildren(...Array.from({ length: Math.min(one.try_number, 20) }, (_, i) => h('a', { class: 'tag', href: link(dagId, runId, { ...one, try_number: i + 1 }) }, `try ${i + 1}`)));
    return one.try_number > tryNumber || OVER.has(one.state);
  };
  try {
    await refresh();
    await follow(`/api/millrace/v1${instancePath}/logs/${tryNumber}/stream?map_index=${mapIndex}`, log, signal);
    // The log ends a moment before the instance's state is written.
    for (let i = 0; i < 10 && !signal.aborted && !(await refresh()); i++) await new Promise((resolve) => setTimeout(resolve, 500));
  } catch (error) {
    if (!signal.aborted) say(error.message);
  }
}

/** Adds a log's lines as they come; keeps the end in view while the reader is at the end. */
async function follow(url, log, signal) {
  const response = await fetch(url, { headers: headers(), signal });
  if (!response.ok) throw await refusal(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let part = await reader.read(); ; part = await reader.read()) {
    const lines = (rest + (part.value ?? '')).split('\n');
    rest = part.done ? '' : lines.pop();
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 40;
    log.append(...lines.filter((line, i) => !part.done || line !== '' || i < lines.length - 1).map(logLine));
    if (atEnd) log.scrollTop = log.scrollHeight;
    if (part.done) return;
  }
}

function logLine(line) {
  const kind = line.startsWith('***') ? 'told' : / (ERROR|CRITICAL) - /.test(line.slice(0, 260)) ? 'error' : / WARNING - /.test(line.slice(0, 260)) ? 'warning' : '';
  return h('span', { class: kind }, `${line}\n`);
}

function triggerButton(dag) {
  const button = h('button', { type: 'button', 'aria-label': `Trigger ${dag.dag_id}` }, 'Trigger');
  button.addEventListener('click', () => askForConf(dag.dag_id));
  return button;
}

function askForConf(dagId) {
  const conf = h('textarea', { id: 'conf', spellcheck: 'false' }, '{}');
  const problem = h('p', { role: 'alert', class: 'state failed', hidden: true });
  const cancel = h('button', { class: 'quiet', type: 'button' }, 'Cancel');
  const form = h('form', {}, h('h1', {}, `Trigger ${dagId}`), h('label', { for: 'conf' }, 'Conf (JSON object)'), conf, problem, h('div', { class: 'bar' }, cancel, h('button', { type: 'submit' }, 'Trigger')));
  const dialog = h('dialog', {}, form);
  cancel.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      const run = await call('POST', `/api/v2${path(dagId)}/dagRuns`, { logical_date: null, conf: JSON.parse(conf.value || '{}') });
      dialog.close();
      location.hash = link(dagId, run.dag_run_id);
    } catch (error) {
      problem.hidden = false;
      problem.textContent = error.message;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** Runs a change with its button off; tells what went wrong. */
async function act(button, change) {
  button.disabled = true;
  try {
    await change();
    await show();
  } catch (error) {
    say(error.message);
    button.disabled = false;
  }
}

async function call(method, url, body) {
  const response = await fetch(url, { method, headers: { ...headers(), ...(body ? { 'content-type': 'application/json' } : {}) }, ...(body ? { body: JSON.stringify(body) } : {}) });
  if (!response.ok) throw await refusal(response);
  return response.status === 204 ? null : response.json();
}

/** What the api said, as an error; a token that is over leads back to the login. */
async function refusal(response) {
  const { detail } = await response.json().catch(() => ({ detail: `${response.status} ${response.statusText}` }));
  if (response.status === 401 && sessionStorage.getItem(TOKEN) !== null) {
    sessionStorage.removeItem(TOKEN);
    setTimeout(show);
  }
  return new Error(Array.isArray(detail) ? detail.map((one) => `${one.loc.join('.')}: ${one.msg}`).join('\n') : String(detail));
}

function headers() {
  const token = sessionStorage.getItem(TOKEN);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

function crumbs([dagId, runId, taskId]) {
  const parts = [dagId && h('a', { href: link(dagId) }, dagId), runId && h('a', { href: link(dagId, runId) }, runId), taskId && h('a', { href: location.hash }, taskId)];
  page.crumbs.replaceChildren(...parts.filter(Boolean));
  document.title = [taskId, runId, dagId, 'Millrace'].filter(Boolean).join(' · ');
}

function table(heads, rows) {
  const cells = heads.map((text) => h('th', { scope: 'col', class: text.startsWith('.wide ') ? 'wide' : '' }, text.replace('.wide ', '')));
  return h('div', { class: 'card' }, h('table', {}, h('thead', {}, h('tr', {}, ...cells)), h('tbody', {}, ...rows)));
}

function runBox(run) {
  return h('a', { class: `state ${run.state}`, href: link(run.dag_id, run.dag_run_id), title: `${run.dag_run_id}: ${run.state}`, 'aria-label': `${run.dag_run_id}: ${run.state}` });
}

function state(value) {
  return h('span', { class: `state ${value ?? 'none'}` }, (value ?? 'not decided').replaceAll('_', ' '));
}

function name(one) {
  return one.map_index < 0 ? one.task_display_name : `${one.task_display_name} [${one.map_index}]`;
}

function path(dagId, runId) {
  return `/dags/${enc(dagId)}${runId === undefined ? '' : `/dagRuns/${enc(runId)}`}`;
}

function link(dagId, runId, one) {
  return `#/dags/${enc(dagId)}${runId === undefined ? '' : `/runs/${enc(runId)}`}${one === undefined ? '' : `/tasks/${enc(one.task_id)}/${one.map_index}/${one.try_number}`}`;
}

function enc(text) {
  return encodeURIComponent(text);
}

function when(text) {
  return text === null ? '–' : h('time', { datetime: text, title: text }, new Date(text).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' }));
}

function length(seconds) {
  if (seconds === null) return '–';
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function say(text) {
  page.message.textContent = text;
  page.message.hidden = text === '';
}

function byId(id) {
  return document.getElementById(id);
}

/** An element; children are nodes or texts. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(key, '');
    else if (value !== false && value !== '') element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}
