import type { Command } from 'commander'
import { type Context, examples, jsonHelp } from '../../context.ts'
import { printDone } from '../../terminal/output.ts'
import { version } from '../../version.ts'

export function addVersionCommands(program: Command, { io, connect }: Context): void {
  program
    .command('whoami')
    .description('show whose token this is')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl whoami'))
    .action(async ({ json }: { json?: boolean }) => {
      const { admin } = await connect()
      const { body } = await admin.whoAmI({})
      printDone(io, body, { json, text: `${body.name}, ${body.role} of tenant ${body.tenant}` })
    })

  program
    .command('version')
    .description('show the version of plexctl')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('plexctl version'))
    .action(({ json }: { json?: boolean }) => {
      printDone(io, { version }, { json, text: `plexctl ${version}` })
    })
}
