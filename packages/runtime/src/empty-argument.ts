import type { Command } from 'commander'
import { CliError, exitCodes } from './cli.ts'

/** Throws a CliError for an argument that is there but empty: a variable of the shell that is not set. */
export function refuseEmptyArguments(command: Command): void {
  const empty = command.registeredArguments.find(
    ({ required }, at) => required && command.args[at] === '',
  )
  if (!empty) return
  throw new CliError(
    `read argument <${empty.name()}> "": it is empty: is a variable of the shell not set?`,
    exitCodes.usage,
  )
}
