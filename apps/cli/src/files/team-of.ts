import type { Row } from '../client/api-client.js';
import { tell } from '../output/terminal.js';

/** `--team-name`, as the api takes it: empty text gives something back to everybody; left out, nothing is said. */
export function teamOf({ teamName }: { readonly teamName?: string }): { team_name?: string | null } {
  return teamName === undefined ? {} : { team_name: teamName === '' ? null : teamName };
}

/** Said where the shape of a file has no room for whose an entry is: imported elsewhere it would be everybody's. */
export function tellOfTeams(rows: readonly Row[]): void {
  const owned = rows.filter((row) => row['team_name'] !== null && row['team_name'] !== undefined).length;
  if (owned > 0) tell(`${owned} of them belong to a team, which this shape cannot say; export as json or yaml to keep that`);
}
