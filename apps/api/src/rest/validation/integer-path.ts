import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { RequestError } from './request-error.js';

/** A whole number in the path; anything else is refused in FastAPI's words. */
export const integerPath: PipeTransform<string, number> = {
  transform(text: string, { data }: ArgumentMetadata): number {
    const number = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(number)) return number;
    throw RequestError.single(['path', data ?? ''], 'Input should be a valid integer, unable to parse string as an integer', text, 'int_parsing');
  },
};
