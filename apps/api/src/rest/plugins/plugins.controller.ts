import { Controller } from '@nestjs/common';
import { Operation } from '../openapi/operation.js';

/** Plugins and operators are modules that dag files import and are bundled with: no process here loads any, so these lists are empty. */
@Controller()
export class PluginsController {
  @Operation('get_plugins')
  getPlugins(): unknown {
    return { plugins: [], total_entries: 0 };
  }

  @Operation('import_errors')
  getPluginErrors(): unknown {
    return { import_errors: [], total_entries: 0 };
  }

  @Operation('get_providers')
  getProviders(): unknown {
    return { providers: [], total_entries: 0 };
  }
}
