import type { Command } from 'commander'
import { CliError, exitCodes } from './cli.ts'

/** Throws a CliError for an argument or value that is given but empty, typically from an unset shell variable. */
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
