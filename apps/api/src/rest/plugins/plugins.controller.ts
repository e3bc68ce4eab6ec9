import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import type { PluginDocument } from '@millrace/contracts';
import { Plugins } from '@millrace/persistence';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import type { PluginAnswer } from './plugin-schemas.js';

const page = z.object({ limit: z.coerce.number().int().min(0).max(1_000).default(50), offset: z.coerce.number().int().min(0).default(0) });

/** What dag-processors found in plugins folders. No plugin is loaded in this process. */
@Controller()
export class PluginsController {
  constructor(@Inject(Plugins) private readonly plugins: Plugins) {}

  @Operation('get_plugins')
  async getPlugins(@ValidQuery(page) { limit, offset }: z.infer<typeof page>): Promise<AnswerTo<'get_plugins'>> {
    const all = (await this.plugins.list()).flatMap(({ document, source }) => (document === null ? [] : [toPluginResponse(document, source)]));
    return { plugins: all.slice(offset, offset + limit), total_entries: all.length };
  }

  @Operation('import_errors')
  async getPluginErrors(): Promise<AnswerTo<'import_errors'>> {
    const errors = (await this.plugins.list()).flatMap(({ source, error, errorFile, errorLine }) => (error === null ? [] : [{ source, error, file: errorFile, line: errorLine }]));
    return { import_errors: errors, total_entries: errors.length };
  }

  @Operation('get_providers')
  getProviders(@ValidQuery(page) _page: unknown): AnswerTo<'get_providers'> {
    return { providers: [], total_entries: 0 };
  }
}

/** Airflow's fields, and what only plugins here have. */
function toPluginResponse(plugin: PluginDocument, source: string): PluginAnswer {
  const { name, links, routes } = plugin;
  return {
    name,
    macros: plugin.macros.map((macro) => `macros.${name}.${macro}`),
    flask_blueprints: [],
    fastapi_apps: routes.length === 0 ? [] : [{ name, app: 'routes', url_prefix: `/api/plugins/${name}` }],
    fastapi_root_middlewares: [],
    external_views: [],
    react_apps: [],
    appbuilder_views: [],
    appbuilder_menu_items: [],
    global_operator_extra_links: [],
    operator_extra_links: links.map((link) => link.name),
    source,
    listeners: plugin.listeners,
    timetables: plugin.timetables,
    version: plugin.version,
    description: plugin.description,
    operators: plugin.operators,
    sensors: plugin.sensors,
    hooks: plugin.hooks,
    routes: routes.map(({ method, path }) => `${method} /api/plugins/${name}${path}`),
    defined_at: plugin.definedAt,
  };
}
