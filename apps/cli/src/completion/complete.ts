import type { Command, Option } from 'commander';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { dagPath } from '../client/dag-names.js';

/** Whoever presses Tab waits no longer than this for names out of the api, ms. */
const NAMES_WITHIN_MS = 1_500;

/** A word that may stand there, and what it is for; empty: it speaks for itself. */
export interface Candidate {
  readonly word: string;
  readonly text: string;
}

/** Words that may stand at the end of a line. @param words what was typed after `millrace`; the last one is being typed */
export async function complete(program: Command, words: readonly string[]): Promise<readonly Candidate[]> {
  const typed = words.at(-1) ?? '';
  let command = program;
  const given: string[] = [];
  let waiting: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (waiting !== undefined) {
      waiting = undefined;
    } else if (word.startsWith('-')) {
      const option = optionOf(command, word);
      if (option !== undefined && (option.required || option.optional) && !word.includes('=')) waiting = option;
    } else {
      const next = given.length === 0 ? command.commands.find((each) => each.name() === word || each.aliases().includes(word)) : undefined;
      if (next === undefined) given.push(word);
      else command = next;
    }
  }
  return (await candidates(command, given, waiting, typed)).filter(({ word }) => word.startsWith(typed));
}

async function candidates(command: Command, given: readonly string[], waiting: Option | undefined, typed: string): Promise<readonly Candidate[]> {
  if (waiting !== undefined) return plain(waiting.argChoices ?? (waiting.long === '--dag-id' ? await dagIds() : []));
  if (typed.startsWith('-')) return [...command.options.filter((option) => !option.hidden).map((option) => ({ word: option.long ?? option.short ?? '', text: lineOf(option.description) })), { word: '--help', text: 'what it takes' }];
  const commands = given.length === 0 ? command.commands.filter((each) => (each as unknown as { _hidden?: boolean })._hidden !== true).map((each) => ({ word: each.name(), text: lineOf(each.description()) })) : [];
  const argument = command.registeredArguments[given.length] ?? command.registeredArguments.findLast((each) => each.variadic);
  if (argument?.argChoices !== undefined) return [...commands, ...plain(argument.argChoices)];
  if (argument?.name() === 'dag_id') return [...commands, ...plain(await dagIds())];
  return argument?.name() === 'task_id' ? plain(await taskIds(given[command.registeredArguments.findIndex((each) => each.name() === 'dag_id')])) : commands;
}

function plain(words: readonly string[]): Candidate[] {
  return words.map((word) => ({ word, text: '' }));
}

/** As much as stands beside a word in a list. */
function lineOf(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

function optionOf(command: Command, word: string): Option | undefined {
  const name = word.split('=')[0];
  return command.options.find((option) => option.long === name || option.short === name);
}

function dagIds(): Promise<string[]> {
  return names(async (api) => (await api.list('/api/v2/dags', 'dags', {}, 200)).map((dag) => String(dag['dag_id'])));
}

async function taskIds(dagId: string | undefined): Promise<string[]> {
  return dagId === undefined ? [] : names(async (api) => (await api.get<{ tasks: Row[] }>(`${dagPath(dagId)}/tasks`)).tasks.map((task) => String(task['task_id'])));
}

/** None when nobody answers: completion says nothing of errors. */
async function names(ask: (api: ApiClient) => Promise<string[]>): Promise<string[]> {
  try {
    return await ask(ApiClient.fromEnvironment(process.env, NAMES_WITHIN_MS));
  } catch {
    return [];
  }
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** What a shell evaluates to ask `millrace __complete` at each Tab. Where that knows nothing, a file is meant. */
export const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `# eval "$(millrace completion bash)"
_millrace() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _millrace millrace
`,
  zsh: `#compdef millrace
# eval "$(millrace completion zsh)" in ~/.zshrc, or a file called _millrace in a folder of $fpath
_millrace() {
  local -a lines found
  local line word text
  lines=("\${(@f)$("\${words[1]}" __complete --describe -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${(@)lines:#}"; do
    # word, tab, text: a ":" in the word is not the one that divides
    word="\${\${line%%$'\\t'*}//:/\\\\:}" text="\${line#*$'\\t'}"
    found+=("$word\${text:+:$text}")
  done
  if (( \${#found} == 0 )); then
    _files
  else
    _describe -t words millrace found
  fi
}
if [[ "\${funcstack[1]}" == _millrace ]]; then
  _millrace "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
  compdef _millrace millrace
fi
`,
  fish: `# millrace completion fish | source
function __millrace_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] __complete --describe -- $words[2..-1] 2>/dev/null)
    if test (count $found) -eq 0
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $found
    end
end
complete -c millrace -f -a '(__millrace_complete)'
`,
};
