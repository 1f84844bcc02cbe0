import { addYesFlag, confirm } from '@plexd/runtime'
import type { Command } from 'commander'
import { type Context, examples, jsonHelp } from '../../context.ts'
import { ageOf, printDone, printList, printWarnings } from '../../terminal/output.ts'

interface JsonFlag {
  json?: boolean
}

export function addMeshCommands(program: Command, { io, connect }: Context): void {
  const mesh = program
    .command('mesh')
    .description('the addresses of the mesh')
    .addHelpText('after', examples('plexctl mesh range list'))
  const range = mesh
    .command('range')
    .description('where nodes have their addresses from')
    .addHelpText('after', examples('plexctl mesh range list'))

  range
    .command('list')
    .description('list the ranges of the mesh, in the order they were added')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl mesh range list'))
    .action(async ({ json }: JsonFlag) => {
      const { admin } = await connect()
      const { body } = await admin.listMeshRanges({})
      printList(io, body.items, {
        json,
        columns: [
          ['range', ({ range }) => range],
          ['nodes', ({ nodes }) => String(nodes)],
          ['room for', ({ capacity }) => String(capacity)],
          ['new nodes', ({ takes_new }) => (takes_new ? 'take from it' : '-')],
          ['added', ({ added_at }) => ageOf(added_at, io)],
        ],
      })
    })

  range
    .command('add')
    .description(
      'add a range, from which new nodes take; those that are there keep their addresses',
    )
    .argument('<cidr>', 'of private addresses, such as 10.101.0.0/16')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl mesh range add 10.101.0.0/16'))
    .action(async (cidr: string, { json }: JsonFlag) => {
      const { admin } = await connect()
      const { body } = await admin.addMeshRange({ body: { range: cidr } })
      printDone(io, body, { json, text: `new nodes take their addresses from ${body.range} now` })
      if (!json) printWarnings(io, body.warnings)
    })

  addYesFlag(range.command('remove'))
    .description('remove a range that no node has its address from')
    .argument('<cidr>')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl mesh range remove 10.100.0.0/16'))
    .action(async (cidr: string, { yes, json }: JsonFlag & { yes?: boolean }) => {
      const { admin } = await connect()
      await confirm(io, { what: `remove mesh range "${cidr}"`, yes })
      const { body } = await admin.removeMeshRange({ params: { range: cidr } })
      printDone(io, body, { json, text: `removed ${cidr}` })
    })
}
