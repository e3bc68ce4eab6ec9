import { z } from 'zod';
import { named, page } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const appBuilderMenuItem = named('AppBuilderMenuItemResponse', z.looseObject({ category: z.string().nullable(), href: z.string(), name: z.string() }));
export const appBuilderView = named('AppBuilderViewResponse', z.looseObject({
  category: z.string().nullable(), label: z.string().nullable(), name: z.string().nullable(), view: z.string().nullable(),
}));
export const externalView = named('ExternalViewResponse', z.looseObject({
  category: z.string().nullable(), destination: z.enum(['nav', 'dag', 'dag_run', 'task', 'task_instance', 'base']), href: z.string(),
  icon: z.string().nullable(), icon_dark_mode: z.string().nullable(), name: z.string(), url_route: z.string().nullable(),
}));
export const fastApiApp = named('FastAPIAppResponse', z.looseObject({ app: z.string(), name: z.string(), url_prefix: z.string() }));
export const fastApiRootMiddleware = named('FastAPIRootMiddlewareResponse', z.looseObject({ middleware: z.string(), name: z.string() }));
export const reactApp = named('ReactAppResponse', z.looseObject({
  bundle_url: z.string(), category: z.string().nullable(),
  destination: z.enum(['nav', 'dag', 'dag_run', 'task', 'task_instance', 'base', 'dashboard']), icon: z.string().nullable(),
  icon_dark_mode: z.string().nullable(), name: z.string(), url_route: z.string().nullable(),
}));
export const plugin = named('PluginResponse', z.object({
  appbuilder_menu_items: z.array(appBuilderMenuItem), appbuilder_views: z.array(appBuilderView), external_views: z.array(externalView),
  fastapi_apps: z.array(fastApiApp), fastapi_root_middlewares: z.array(fastApiRootMiddleware), flask_blueprints: z.array(z.string()),
  global_operator_extra_links: z.array(z.string()), listeners: z.array(z.string()), macros: z.array(z.string()), name: z.string(),
  operator_extra_links: z.array(z.string()), react_apps: z.array(reactApp), source: z.string(), timetables: z.array(z.string()),
  // What only plugins here have.
  version: z.string(), description: z.string(), operators: z.array(z.string()), sensors: z.array(z.string()),
  hooks: z.array(z.string()), routes: z.array(z.string()), defined_at: z.string().nullable(),
}));
export const pluginCollection = page('PluginCollectionResponse', 'plugins', plugin);
export const pluginImportError = named('PluginImportErrorResponse', z.object({
  error: z.string(), source: z.string(),
  // Where in the plugin; only here.
  file: z.string().nullable(), line: z.int().nullable(),
}));
export const pluginImportErrorCollection = page('PluginImportErrorCollectionResponse', 'import_errors', pluginImportError);
export const provider = named('ProviderResponse', z.object({
  description: z.string(), documentation_url: z.string().nullable(), package_name: z.string(), version: z.string(),
}));
export const providerCollection = page('ProviderCollectionResponse', 'providers', provider);
export type PluginAnswer = Answer<typeof plugin>;
