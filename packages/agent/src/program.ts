import { type DaemonStart, refuseEmptyArguments } from '@plexd/runtime'
import { Command } from 'commander'
import { type Caller, readFlags } from './commands/given/flags.ts'
import type { CommandRow } from './commands/table/row.ts'
import { commands } from './commands/table/table.ts'

/** The command line of plexd. Each command loads its own code when it runs. `daemonStart` is what the daemon was told. */
export function createProgram(daemonStart?: DaemonStart): Command {
  const program = new Command('plexd')
    .description(
      'The node agent: enrols this machine, keeps it as the control plane says, serves local programs',
    )
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .hook('preAction', (_program, command) => refuseEmptyArguments(command))
  addCommands(program, commands, { program, daemonStart })
  return program
}

function addCommands(
  parent: Command,
  rows: Readonly<Record<string, CommandRow>>,
  caller: Caller,
): void {
  for (const [name, row] of Object.entries(rows)) {
    const { description, isHidden = false, form, examples = [], load, subcommands = {} } = row
    const command = new Command(name).description(description)
    form?.(command)
    if (examples.length > 0) command.addHelpText('after', formatExamples(examples))
    if (load)
      command.action(async () => {
        const run = await load()
        const given = { ...command.optsWithGlobals(), ...argumentsOf(command) }
        await run(readFlags(given), given as never, caller) // of the row's form
      })
    addCommands(command, subcommands, caller)
    parent.addCommand(command, { hidden: isHidden })
  }
}

function argumentsOf({ registeredArguments, processedArgs }: Command): Record<string, unknown> {
  return Object.fromEntries(registeredArguments.map((one, at) => [one.name(), processedArgs[at]]))
}

function formatExamples(examples: NonNullable<CommandRow['examples']>): string {
  return `\nExamples:\n${examples.map(([command, what]) => `  # ${what}\n  ${command}\n`).join('')}`
}
