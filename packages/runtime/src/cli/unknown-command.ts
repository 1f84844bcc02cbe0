import type { Command } from 'commander'

/** Says where a command is that the program does not have, for which `whereIs` is asked. */
export function tellWhere(
  program: Command,
  whereIs: (command: string) => string | undefined,
): void {
  program.configureOutput({
    outputError: (text, write) => {
      const [, name = ''] = /^error: unknown command '([^']*)'/.exec(text) ?? []
      const place = whereIs(name)
      const words = place === undefined ? text : `error: unknown command '${name}'\n${place}\n`
      write(words.replace(/^error:/, `${program.name()}:`))
    },
  })
}

/** Without this, `nodes --help` and `help nodes` would show the help of all commands, as if that were what there is to say of `nodes`. */
export function refuseUnknownHelp(command: Command): void {
  if (command.commands.length === 0) return
  command.addHelpText('before', () => {
    const [first, second] = command.args
    const isAsked = first === 'help'
    const name = isAsked ? second : first
    if (name === undefined || name.startsWith('-')) return ''
    command.args = [name]
    return (command as WithUnknown).unknownCommand()
  })
  for (const child of command.commands) refuseUnknownHelp(child)
}

/** What commander does itself with a name that is none, and has no type for: it ends with an error that names similar ones. */
type WithUnknown = Command & { unknownCommand(): never }
