import type { Command } from 'commander'
import { type Admin, addCall, type JsonFlag } from '../../command.ts'
import { type Context, examples } from '../../context.ts'
import { printDone } from '../../terminal/output.ts'
import { version } from '../../version.ts'

export function addVersionCommands(program: Command, context: Context): void {
  addCall(program, context, {
    name: 'whoami',
    description: 'show whose token this is',
    examples: ['plexctl whoami'],
    call: (admin: Admin) => admin.whoAmI({}),
    text: ({ name, role, tenant }) => `${name}, ${role} of tenant ${tenant}`,
  })

  program
    .command('version')
    .description('show the version of plexctl')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('plexctl version'))
    .action(({ json }: JsonFlag) => {
      printDone(context.io, { version }, { json, text: `plexctl ${version}` })
    })
}
