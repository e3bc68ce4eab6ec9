/**
 * The one table of who may import whom. Data flows down the list, imports point up it: no row imports a later one.
 * Read by `sync-workspace.mjs` (writes tsconfig references), by dependency-cruiser in `verify`, and by the docs.
 */
export const PACKAGES = {
  // pure
  'libs/vocabulary': { layer: 'vocabulary', may: [], inBundles: true },
  'libs/engine': { layer: 'engine', may: ['vocabulary'] },
  'libs/contracts': { layer: 'contracts', may: ['vocabulary'] },
  // authoring: runs inside users' bundles
  'libs/sdk': { layer: 'authoring', may: ['vocabulary', 'contracts'], inBundles: true },
  'libs/operators': { layer: 'authoring', may: ['vocabulary', 'contracts', 'sdk'], inBundles: true },
  // what programs call Millrace with
  'libs/client': { layer: 'authoring', may: ['vocabulary', 'contracts'] },
  // foundation
  'libs/lifecycle': { layer: 'foundation', may: ['vocabulary'] },
  'libs/configuration': { layer: 'foundation', may: ['vocabulary'] },
  'libs/telemetry': { layer: 'foundation', may: ['vocabulary', 'lifecycle'] },
  'libs/embedded-postgres': { layer: 'foundation', may: ['vocabulary', 'lifecycle'] },
  'libs/test-services': { layer: 'foundation', may: ['vocabulary'] },
  // adapters: never each other
  'libs/persistence': { layer: 'adapters', may: ['vocabulary', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'test-services'] },
  'libs/messaging': { layer: 'adapters', may: ['vocabulary', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'test-services'] },
  'libs/live-updates': { layer: 'adapters', may: ['vocabulary', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'test-services'] },
  'libs/task-logs': { layer: 'adapters', may: ['vocabulary', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'test-services'] },
  'libs/object-store': { layer: 'adapters', may: ['vocabulary'] },
  // services: never each other
  'libs/execution': { layer: 'services', may: ['vocabulary', 'contracts', 'sdk', 'lifecycle', 'configuration', 'telemetry', 'test-services', 'messaging', 'live-updates', 'task-logs'] },
  'libs/bundles': { layer: 'services', may: ['vocabulary', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'test-services'] },
  'libs/access': { layer: 'services', may: ['vocabulary', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'test-services', 'persistence'] },
  'libs/scheduling': { layer: 'scheduling', may: ['vocabulary', 'engine', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'test-services', 'persistence', 'messaging', 'live-updates'] },
  // what authors test their dags with: the runner's own code and the engine, without any service
  'libs/sdk-testing': { layer: 'authoring-tests', may: ['vocabulary', 'engine', 'contracts', 'sdk', 'task-logs', 'execution'] },
  // apps: one process each
  'apps/scheduler': { layer: 'apps', may: ['vocabulary', 'engine', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'persistence', 'messaging', 'live-updates', 'access', 'scheduling'] },
  'apps/api': { layer: 'apps', may: ['vocabulary', 'engine', 'contracts', 'operators', 'lifecycle', 'configuration', 'telemetry', 'test-services', 'persistence', 'messaging', 'live-updates', 'task-logs', 'object-store', 'access', 'scheduling'] },
  'apps/worker': { layer: 'apps', may: ['vocabulary', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'messaging', 'live-updates', 'task-logs', 'execution'] },
  'apps/log-server': { layer: 'apps', may: ['vocabulary', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'task-logs', 'object-store'] },
  'apps/pod-launcher': { layer: 'apps', may: ['vocabulary', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'messaging'] },
  'apps/dag-processor': { layer: 'apps', may: ['vocabulary', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'bundles'] },
  // the browser's: built by Vite, served as files by the api, run by no Node.js
  'apps/web': { layer: 'browser', may: ['vocabulary'], browser: true },
  // entry: may import apps
  'apps/cli': { layer: 'entry', may: ['vocabulary', 'engine', 'contracts', 'lifecycle', 'configuration', 'telemetry', 'persistence', 'messaging', 'live-updates', 'task-logs', 'access', 'scheduling', 'scheduler', 'api', 'worker', 'log-server', 'dag-processor', 'pod-launcher', 'bundles', 'execution', 'sdk', 'sdk-testing', 'operators', 'embedded-postgres', 'test-services'] },
};
