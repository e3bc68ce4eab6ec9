import { MillraceError } from '@millrace/vocabulary';
import type { Plugins } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { PluginHost } from './plugin-host.js';
import type { HostRequest, HostResponse } from './plugin-host.js';

const TIMEOUT_MS = 30_000;
/** A plugin nobody asks keeps no process. */
const IDLE_MS = 5 * 60_000;

/** The processes of plugins with routes, started when one is first asked for, replaced when its code changes. */
export class PluginHosts {
  private readonly hosts = new Map<string, { host: PluginHost; idle: NodeJS.Timeout }>();
  private isStopped = false;

  constructor(private readonly plugins: Plugins, private readonly logger: Logger, private readonly timeoutMs = TIMEOUT_MS) {}

  /** @throws MillraceError `not_found` when no such plugin has routes, `unavailable` when it cannot answer */
  async ask(name: string, request: HostRequest): Promise<HostResponse> {
    return (await this.hostOf(name)).ask(request);
  }

  stop(): void {
    this.isStopped = true;
    for (const { host, idle } of this.hosts.values()) {
      clearTimeout(idle);
      host.stop();
    }
    this.hosts.clear();
  }

  private async hostOf(name: string): Promise<PluginHost> {
    const hash = await this.plugins.hashOf(name);
    const known = this.hosts.get(name);
    if (known !== undefined && known.host.isUsable && known.host.hash === hash) {
      known.idle.refresh();
      return known.host;
    }
    if (hash === null) throw new MillraceError('not_found', `There is no plugin "${name}" with routes; GET /api/v2/plugins lists what there is`);
    const code = await this.plugins.codeOf(name);
    if (code === null || this.isStopped) throw new MillraceError('unavailable', `plugin "${name}" is being changed; try again`);
    // Another request may have been faster.
    const meanwhile = this.hosts.get(name);
    if (meanwhile !== undefined && meanwhile.host.isUsable && meanwhile.host.hash === code.hash) return meanwhile.host;
    this.drop(name);
    const host = new PluginHost(name, code.hash, code.code, this.timeoutMs, (message) => this.logger.warn(message));
    this.hosts.set(name, { host, idle: setTimeout(() => this.drop(name), IDLE_MS).unref() });
    return host;
  }

  private drop(name: string): void {
    const known = this.hosts.get(name);
    if (known === undefined) return;
    clearTimeout(known.idle);
    known.host.stop();
    this.hosts.delete(name);
  }
}
