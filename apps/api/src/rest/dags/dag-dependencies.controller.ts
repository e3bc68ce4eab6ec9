import { Controller, Inject } from '@nestjs/common';
import { DagDependenciesReader } from '@millrace/persistence';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Route } from '../openapi/operation.js';
import { dagDependencies } from './dag-schemas.js';

/** How dags hang together, over all that the caller may see. */
@Controller()
export class DagDependenciesController {
  constructor(@Inject(DagDependenciesReader) private readonly dependencies: DagDependenciesReader) {}

  @Route('GET', '/api/millrace/v1/dagDependencies', { action: 'read', resource: 'dag' })
  @Answers(dagDependencies)
  async list(): Promise<Answer<typeof dagDependencies>> {
    const rows = await this.dependencies.all();
    return { dag_dependencies: [...rows], total_entries: rows.length };
  }
}
