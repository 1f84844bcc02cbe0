import type { Command } from 'commander'

export const completedShells = ['bash', 'zsh', 'fish'] as const
export type CompletedShell = (typeof completedShells)[number]

/**
 * A script that completes commands, choices and options, with all the words in it: nothing is started. `more` are words
 * that follow a command beside those that it knows itself.
 */
export function completionScript(
  program: Command,
  shell: CompletedShell,
  more: Readonly<Record<string, readonly string[]>> = {},
): string {
  const places = placesOf(program, '').map(({ path, words }) => ({
    path,
    words: [...(more[path] ?? []), ...words],
  }))
  const name = program.name()
  const scripts = {
    bash: () => bashScript(name, places),
    // zsh supports bash completion functions.
    zsh: () =>
      `#compdef ${name}\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(name, places)}`,
    fish: () => fishScript(name, places),
  }
  return scripts[shell]()
}

/** A command by the words after the program's name, and what may follow it. */
interface Place {
  path: string
  words: string[]
}

function placesOf(command: Command, path: string): Place[] {
  const children = command.commands.flatMap((child) =>
    placesOf(child, `${path} ${child.name()}`.trim()),
  )
  const names = command.commands.map((child) => child.name())
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? [])
  const options = command.options.flatMap(({ long }) => long ?? [])
  return [{ path, words: [...names, ...choices, ...options, '--help'] }, ...children]
}

/** Finds the command from the words before the cursor, then offers what may follow it. */
function bashScript(name: string, places: readonly Place[]): string {
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => `"${path}"`)
  const offers = places.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`)
  return `_${name}() {
  local place="" next word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${place:+$place }$word"
    case "$next" in ${paths.join('|')}) place="$next" ;; esac
  done
  case "$place" in
${offers.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${name} ${name}
`
}

function fishScript(name: string, places: readonly Place[]): string {
  const lines = places.map(({ path, words }) => {
    const seen = path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`)
    const condition = path === '' ? '__fish_use_subcommand' : seen.join('; and ')
    return `complete -c ${name} -n '${condition}' -a '${words.join(' ')}'`
  })
  return `${lines.join('\n')}\n`
}
