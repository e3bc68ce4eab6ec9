import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { ImportErrorsReader } from '@millrace/persistence';
import type { ImportErrorRow } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import type { ImportErrorAnswer } from './import-error-schemas.js';

const errorsQuery = z.object({ ...pageFields('id'), filename_pattern: query.text });

@Controller()
export class ImportErrorsController {
  constructor(
    @Inject(ImportErrorsReader) private readonly errors: ImportErrorsReader,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('get_import_errors')
  async getErrors(@ValidQuery(errorsQuery) values: z.infer<typeof errorsQuery>): Promise<AnswerTo<'get_import_errors'>> {
    const page = await this.errors.list(values.filename_pattern, pageOf(values, this.pageLimitMax));
    return { import_errors: page.rows.map(toResponse), total_entries: page.total };
  }

  @Operation('get_import_error')
  async getError(@Param('import_error_id', integerPath) id: number): Promise<AnswerTo<'get_import_error'>> {
    const found = await this.errors.find(id);
    if (found === null) throw new MillraceError('not_found', `The ImportError with import_error_id: \`${id}\` was not found`);
    return toResponse(found);
  }
}

function toResponse(error: ImportErrorRow): ImportErrorAnswer {
  return { import_error_id: error.id, timestamp: instantText(error.created_at), filename: error.relative_fileloc, bundle_name: error.bundle_name, stack_trace: error.stack_trace };
}
