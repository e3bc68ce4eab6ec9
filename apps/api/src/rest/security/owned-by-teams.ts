import { In } from 'typeorm';
import type { FindOperator } from 'typeorm';
import { MillraceError } from '@millrace/vocabulary';
import { currentScope } from './request-scope.js';

/** The condition by which a table of pools, variables or connections shows a caller only their teams' rows; those of no team are for who reaches all. */
export function ownedBySomeoneIn(): { readonly team?: FindOperator<string> } {
  const { teams } = currentScope().scope;
  return teams === null ? {} : { team: In([...teams]) };
}

/** Whether the caller may give something to the team, or, with null, leave it to everybody. @throws MillraceError `forbidden` */
export function checkOwner(team: string | null): void {
  const { teams } = currentScope().scope;
  if (teams === null || (team !== null && teams.includes(team))) return;
  throw new MillraceError('forbidden', teams.length === 0 ? 'You may do this for no team' : `You may do this only for team ${teams.join(' or ')}: name it as team_name`);
}
