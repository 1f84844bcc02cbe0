import { metrics } from '@plexd/protocol'
import type { CompletedShell } from '@plexd/runtime'
import type { Command, Option } from 'commander'
import type { Noun } from './names.ts'

/** What may stand where the cursor is: words of ours, or the names of something that only the control plane knows. */
export interface Candidates {
  words: readonly string[]
  /** `operands` are the arguments in front of the cursor. */
  names?: { noun: Noun; operands: readonly string[] }
}

/** What a shell takes for the ends of words, and we do not: bash gives `deploy@web` as three. */
const inside = ['@', ':']

/** The words as they were typed, and how much of the last one the shell does not want to be given again. Pure. */
export function joinWords(words: readonly string[]): { words: string[]; givenChars: number } {
  const joined: string[] = []
  let givenChars = 0
  words.forEach((word, at) => {
    // An empty one behind is the next: bash gives none after what is inside.
    const isPart = inside.includes(word) || (word !== '' && inside.includes(words[at - 1] ?? ''))
    const before = isPart ? (joined.pop() ?? '') : ''
    joined.push(before + word)
    givenChars = inside.includes(word) ? before.length + 1 : before.length
  })
  return { words: joined, givenChars }
}

/** `words` are those behind `plexctl`, the last being the one under the cursor, which may be empty. */
export function complete(program: Command, words: readonly string[]): Candidates {
  const before = words.slice(0, -1)
  const current = words.at(-1) ?? ''
  const { command, operands, pending } = walk(program, before)
  const { words: all, names } = candidatesAt(program, command, { operands, pending, current })
  return { words: all.filter((word) => word.startsWith(current)), ...(names ? { names } : {}) }
}

interface Place {
  command: Command
  /** The arguments of the command in front of the cursor. */
  operands: readonly string[]
  /** The option whose value is at the cursor. */
  pending: Option | undefined
}

function walk(program: Command, words: readonly string[]): Place {
  let command = program
  const operands: string[] = []
  let pending: Option | undefined
  for (const word of words) {
    if (pending) {
      pending = undefined
    } else if (word.startsWith('-')) {
      const option = optionsOf(program, command).find(({ long }) => long === word)
      pending = option?.required ? option : undefined
    } else {
      const child = command.commands.find(
        (other) => other.name() === word || other.aliases().includes(word),
      )
      if (child) command = child
      else operands.push(word)
    }
  }
  return { command, operands, pending }
}

function candidatesAt(
  program: Command,
  command: Command,
  { operands, pending, current }: Omit<Place, 'command'> & { current: string },
): Candidates {
  if (pending) {
    return pending.long === '--node'
      ? { words: [], names: { noun: 'node', operands } }
      : { words: pending.argChoices ?? [] }
  }
  if (current.startsWith('-')) {
    return { words: ['--help', ...optionsOf(program, command).map(({ long }) => long ?? '')] }
  }
  if (command.commands.length > 0) {
    const visible = command.commands.filter((child) => !child.name().startsWith('__'))
    return { words: visible.map((child) => child.name()) }
  }
  const argument = command.registeredArguments[operands.length]
  if (!argument) return { words: [] }
  const noun = nounOf(command, argument.name())
  if (noun) return { words: [], names: { noun, operands } }
  return {
    words: argument.argChoices ?? known[`${command.parent?.name()} ${argument.name()}`] ?? [],
  }
}

/** Words of arguments that may be others too, by the parent command. */
const known: Readonly<Record<string, readonly string[]>> = {
  'metrics name': metrics.map(({ name }) => name),
}

/** The nouns of arguments that are called alike in several commands, by the parent command. */
const nouns: Readonly<Record<string, Noun>> = {
  'action action': 'action',
  'policy name': 'policy',
  'data key': 'data',
  'secret key': 'secret',
  'report key': 'report',
  'runs run': 'run',
  'schedule schedule': 'schedule',
  'session session': 'session',
  'rules name': 'alert_rule',
  'webhooks webhook': 'alert_webhook',
}

/** By the command itself: where one logs in. */
const placeNouns: Readonly<Record<string, Noun>> = {
  'ssh node': 'place',
  'ssh-proxy node': 'place',
  'forward node': 'place',
  'cp src': 'remote',
  'cp dst': 'remote',
}

function nounOf(command: Command, argument: string): Noun | undefined {
  return (
    placeNouns[`${command.name()} ${argument}`] ??
    (argument === 'node' ? 'node' : nouns[`${command.parent?.name()} ${argument}`])
  )
}

function optionsOf(program: Command, command: Command): readonly Option[] {
  return command === program ? program.options : [...command.options, ...program.options]
}

/** What a shell sources. Each asks plexctl itself, and falls back to file names when plexctl knows nothing. */
export const completionScripts: Record<CompletedShell, string> = {
  // mapfile, as a plain assignment would expand what is in the answer.
  bash: `_plexctl() {
  mapfile -t COMPREPLY < <(plexctl __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ "\${COMPREPLY[0]-}" == *: ]]; then compopt -o nospace; fi
}
complete -o default -F _plexctl plexctl
`,
  zsh: `#compdef plexctl
_plexctl() {
  local -a candidates
  candidates=("\${(@f)$(plexctl __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${candidates[1]}" ]]; then compadd -- "\${candidates[@]}"; else _files; fi
}
if [[ "\${funcstack[1]}" == _plexctl ]]; then _plexctl "$@"; else compdef _plexctl plexctl; fi
`,
  fish: `function __plexctl_complete
  set -l words (commandline -opc)
  set -l candidates (plexctl __complete -- $words[2..] (commandline -ct) 2>/dev/null)
  if set -q candidates[1]
    printf '%s\\n' $candidates
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c plexctl -f -a '(__plexctl_complete)'
`,
}
