import { Controller, Headers, Inject, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { MASK } from '@millrace/access';
import { OPTIONS } from '@millrace/configuration';
import type { Configuration, ConfigurationKey } from '@millrace/configuration';
import { MillraceError } from '@millrace/vocabulary';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { CONFIGURATION } from '../tokens.js';
import { query } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';

const configQuery = z.object({ section: query.text });

interface Section {
  readonly name: string;
  readonly options: readonly { readonly key: string; readonly value: string }[];
}

/** This api's configuration; secrets are only ever said to be set. */
@Controller()
export class ConfigController {
  constructor(@Inject(CONFIGURATION) private readonly config: Configuration) {}

  @Operation('get_config')
  async getConfig(@ValidQuery(configQuery) values: z.infer<typeof configQuery>, @Res() reply: FastifyReply, @Headers('accept') accept = ''): Promise<void> {
    const sections = this.#sections().filter((section) => values.section === undefined || section.name === values.section);
    if (sections.length === 0) throw new MillraceError('not_found', `Section ${values.section} not found.`);
    await answer(sections, accept, reply);
  }

  @Operation('get_config_value')
  async getValue(@Param('section') section: string, @Param('option') option: string, @Res() reply: FastifyReply, @Headers('accept') accept = ''): Promise<void> {
    const found = this.#sections().find((one) => one.name === section)?.options.find((one) => one.key === option);
    if (found === undefined) throw new MillraceError('not_found', `Option [${section}/${option}] not found.`);
    await answer([{ name: section, options: [found] }], accept, reply);
  }

  #sections(): readonly Section[] {
    const keys = Object.keys(OPTIONS) as ConfigurationKey[];
    const names = [...new Set(keys.map((key) => key.split('.')[0]!))];
    return names.map((name) => ({
      name,
      options: keys.filter((key) => key.startsWith(`${name}.`)).map((key) => ({ key: key.slice(name.length + 1), value: this.#shown(key) })),
    }));
  }

  #shown(key: ConfigurationKey): string {
    const value = this.config[key];
    if ((OPTIONS[key] as { readonly secret?: boolean }).secret) return value === '' ? '' : MASK;
    return Array.isArray(value) ? value.join(',') : String(value);
  }
}

async function answer(sections: readonly Section[], accept: string, reply: FastifyReply): Promise<void> {
  if (accept.includes('text/plain')) {
    const text = sections.map((section) => `[${section.name}]\n${section.options.map((option) => `${option.key} = ${option.value}\n`).join('')}`).join('\n');
    await reply.type('text/plain; charset=utf-8').send(text);
  } else await reply.send({ sections } satisfies AnswerTo<'get_config'>);
}
