import { Controller, Inject } from '@nestjs/common';
import { OPENAPI_DOCUMENT } from '../tokens.js';
import { AnswersAs, Route } from './operation.js';

/** The description of this api, where FastAPI has it. Public, as there: it says what may be asked, and nothing of what is stored. */
@Controller()
export class DocumentController {
  constructor(@Inject(OPENAPI_DOCUMENT) private readonly document: () => object) {}

  @Route('GET', '/openapi.json', 'public')
  @AnswersAs('application/json')
  read(): object {
    return this.document();
  }
}
