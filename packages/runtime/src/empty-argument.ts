import type { Command } from 'commander'
import { CliError, exitCodes } from './cli.ts'

/** Throws a CliError for an argument or a value that is there but empty: a variable of the shell that is not set. */
export function refuseEmptyArguments(command: Command): void {
  const name = emptyArgument(command) ?? emptyOption(command)
  if (name === undefined) return
  throw new CliError(
    `read ${name} "": it is empty: is a variable of the shell not set?`,
    exitCodes.usage,
  )
}

function emptyArgument({ registeredArguments, args }: Command): string | undefined {
  const empty = registeredArguments.find(({ required }, at) => required && args[at] === '')
  return empty && `argument <${empty.name()}>`
}

function emptyOption(command: Command | null): string | undefined {
  if (!command) return undefined
  const empty = command.options.find(
    (option) => command.getOptionValue(option.attributeName()) === '',
  )
  return empty ? `option ${empty.long}` : emptyOption(command.parent)
}
