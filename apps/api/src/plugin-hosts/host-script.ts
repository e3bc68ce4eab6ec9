/**
 * What a plugin's process runs. Text, because it must start the same from source and from a build. It loads the plugin's module, says so, and
 * answers requests that come over the channel, each under its number. Files, processes, threads and native addons are closed by Node's
 * permission model; the environment is empty.
 */
export const HOST_SCRIPT = String.raw`
const job = JSON.parse(process.argv[1]);
const send = process.send.bind(process);
const textOf = (error) => { try { return String(error?.stack ?? error); } catch { return 'an error that cannot be shown'; } };
process.on('disconnect', () => process.exit(0));

const module = (await import(job.url)).__millrace_module__;
const isPlugin = (value) => typeof value === 'object' && value !== null && value.__millrace === 'plugin';
const plugin = isPlugin(module.default) ? module.default : Object.values(module).find(isPlugin);
const routes = (plugin?.spec.routes ?? []).map((route) => {
  const names = [];
  const parts = route.path.split('/').map((part) => part.startsWith(':') ? (names.push(part.slice(1)), '([^/]+)') : part.replace(/[.*+?^$()[\]{}|\\]/g, '\\$&'));
  return { method: route.method, pattern: new RegExp('^' + parts.join('/') + '/?$'), names, handle: route.handle };
});

const answer = async (request) => {
  const fitting = routes.map((route) => ({ route, found: route.pattern.exec(request.path) })).filter(({ found }) => found !== null);
  const chosen = fitting.find(({ route }) => route.method === request.method);
  if (chosen === undefined) return { status: fitting.length > 0 ? 405 : 404, headers: {}, body: { detail: fitting.length > 0 ? 'this route of the plugin answers ' + fitting.map(({ route }) => route.method).join(', ') : 'the plugin has no route ' + request.path } };
  const params = Object.fromEntries(chosen.route.names.map((name, index) => [name, decodeURIComponent(chosen.found[index + 1])]));
  const given = await chosen.route.handle({ ...request, params });
  const isResponse = typeof given === 'object' && given !== null && !Array.isArray(given) && Object.keys(given).length > 0 && Object.keys(given).every((key) => ['status', 'headers', 'body'].includes(key)) && ('status' in given || 'headers' in given);
  return isResponse ? { status: given.status ?? 200, headers: given.headers ?? {}, body: given.body } : { status: 200, headers: {}, body: given };
};

process.on('message', ({ id, request }) => {
  answer(request).then(
    (response) => send({ id, response: { ...response, body: typeof response.body === 'string' ? response.body : undefined, json: typeof response.body === 'string' ? undefined : JSON.stringify(response.body ?? null) } }),
    (error) => send({ id, error: textOf(error) }),
  ).catch((error) => send({ id, error: textOf(error) }));
});
process.on('uncaughtException', (error) => { send({ crashed: textOf(error) }, () => process.exit(1)); });
process.on('unhandledRejection', (error) => { send({ crashed: textOf(error) }, () => process.exit(1)); });
send({ ready: true });
`;
