import { Controller, Inject, Param } from '@nestjs/common';
import { DataSource, ILike } from 'typeorm';
import { z } from 'zod';
import { ImportErrorEntity } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { Operation } from '../openapi/operation.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { entityPage } from '../entity-page.js';
import { pageFields, query } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidQuery } from '../validation/schema-pipe.js';

const errorsQuery = z.object({ ...pageFields('id'), filename_pattern: query.text });

@Controller()
export class ImportErrorsController {
  constructor(
    @Inject(DataSource) private readonly entities: DataSource,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('get_import_errors')
  async getErrors(@ValidQuery(errorsQuery) values: z.infer<typeof errorsQuery>): Promise<unknown> {
    const { filename_pattern: pattern } = values;
    const where = pattern === undefined || pattern === '~' ? {} : { relativeFileloc: ILike(`%${pattern}%`) };
    const order = { id: 'id', import_error_id: 'id', timestamp: 'createdAt', filename: 'relativeFileloc', bundle_name: 'bundleName', stacktrace: 'stackTrace' } as const;
    const [rows, total] = await entityPage(this.entities.getRepository(ImportErrorEntity), where, order, values, this.pageLimitMax);
    return { import_errors: rows.map(toResponse), total_entries: total };
  }

  @Operation('get_import_error')
  async getError(@Param('import_error_id', integerPath) id: number): Promise<unknown> {
    const found = await this.entities.getRepository(ImportErrorEntity).findOneBy({ id });
    if (found === null) throw new MillraceError('not_found', `The ImportError with import_error_id: \`${id}\` was not found`);
    return toResponse(found);
  }
}

function toResponse(error: ImportErrorEntity): Record<string, unknown> {
  return { import_error_id: error.id, timestamp: instantText(error.createdAt), filename: error.relativeFileloc, bundle_name: error.bundleName, stack_trace: error.stackTrace };
}
