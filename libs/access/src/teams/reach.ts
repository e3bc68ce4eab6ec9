/** Whether what a team owns (null: it is everybody's) may be handed to dags of all these teams; null among them: a dag of no team. */
export function isWithinReach(owner: string | null, teams: readonly (string | null)[]): boolean {
  return owner === null || (teams.length > 0 && teams.every((team) => team === owner));
}

/** What a dag's author is told. It does not name the owner, which is not the author's to know. */
export function outOfReach(what: string, name: string, dagId: string, team: string | null): string {
  const whose = team === null ? 'which is of no team' : `which is of team "${team}"`;
  return `${what} "${name}" belongs to another team than dag "${dagId}", ${whose}. Whoever owns it can leave it to everybody (no team_name)${team === null ? '' : ` or give it to "${team}"`}; otherwise use a ${what} of another name`;
}
