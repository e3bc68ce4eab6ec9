import { Body, Query } from '@nestjs/common';
import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { RequestError } from './request-error.js';

/** Also read by the OpenAPI document, which is made from these schemas. */
export class SchemaPipe implements PipeTransform {
  constructor(
    private readonly where: 'body' | 'query',
    readonly schema: z.ZodType,
  ) {}

  transform(value: unknown): unknown {
    const input = value ?? (this.where === 'query' ? {} : value);
    const parsed = this.schema.safeParse(input);
    if (!parsed.success) throw RequestError.fromZod(this.where, parsed.error, input);
    return parsed.data;
  }
}

/** The request's JSON body, checked. Body schemas are strict objects: an unknown field is refused, as Airflow does. */
export function ValidBody(schema: z.ZodType): ParameterDecorator {
  return Body(new SchemaPipe('body', schema));
}

/** The query, checked; unknown parameters are ignored, as Airflow does. */
export function ValidQuery(schema: z.ZodType): ParameterDecorator {
  return Query(new SchemaPipe('query', schema));
}
