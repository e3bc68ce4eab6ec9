import { Controller, Inject } from '@nestjs/common';
import { DagDependenciesReader } from '@millrace/persistence';
import { Route } from '../openapi/operation.js';

/** How dags hang together, over all that the caller may see. */
@Controller()
export class DagDependenciesController {
  constructor(@Inject(DagDependenciesReader) private readonly dependencies: DagDependenciesReader) {}

  @Route('GET', '/api/millrace/v1/dagDependencies', { action: 'read', resource: 'dag' })
  async list(): Promise<unknown> {
    const rows = await this.dependencies.all();
    return { dag_dependencies: rows, total_entries: rows.length };
  }
}
