import { MillraceError } from '@millrace/vocabulary';
import { currentScope } from '../security/request-scope.js';

/** New dags belong to nobody yet, and a bundle's dags to anybody: only who may do this to all dags may do it. @throws MillraceError `forbidden` */
export function onlyForAll(what: string): void {
  const { actor, scope } = currentScope();
  if (scope.dagIds !== null) throw new MillraceError('forbidden', `User "${actor?.name ?? ''}" may not ${what}: that needs the permission for all dags, not for some`);
}
