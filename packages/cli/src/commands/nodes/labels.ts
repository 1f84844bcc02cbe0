import type { LabelUse, UnconfirmedLabel } from '@plexd/protocol'
import { addYesFlag, confirm } from '@plexd/runtime'
import type { Command } from 'commander'
import { allPages, type Context, examples, jsonHelp } from '../../context.ts'
import { collectPair } from '../../terminal/input.ts'
import { formatLabels, printDone, printList, printNote } from '../../terminal/output.ts'

interface JsonFlag {
  json?: boolean
}

/** Under `node`. What the node itself says is no label: `node show` has it apart. */
export function addLabelCommands(node: Command, context: Context): void {
  const label = node
    .command('label')
    .alias('metadata')
    .description('the labels of nodes, which selectors of policies, secrets and data go by')
    .addHelpText('after', examples('plexctl node label set web-01 env=prod'))
  addSetCommands(label, context)
  addUnconfirmedCommands(label, context)
}

function addSetCommands(label: Command, { io, connect }: Context): void {
  label
    .command('set')
    .description('set labels, and leave the others as they are')
    .argument('<node>', 'id or hostname')
    .argument('<key=value...>', 'labels', collectPair)
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl node label set web-01 env=prod region=eu-west-1'))
    .action(async (name: string, set: Record<string, string>, { json }: JsonFlag) => {
      const { admin } = await connect()
      const { body } = await admin.setNodeMetadata({ params: { node: name }, body: { set } })
      printDone(io, body, { json, text: `${body.hostname}: ${formatLabels(body.labels)}` })
      for (const warning of body.warnings) printNote(io, `warning: ${warning}`)
    })

  label
    .command('unset')
    .description('remove labels')
    .argument('<node>', 'id or hostname')
    .argument('<key...>', 'labels')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl node label unset web-01 region'))
    .action(async (name: string, remove: string[], { json }: JsonFlag) => {
      const { admin } = await connect()
      const { body } = await admin.setNodeMetadata({ params: { node: name }, body: { remove } })
      printDone(io, body, { json, text: `${body.hostname}: ${formatLabels(body.labels)}` })
      for (const warning of body.warnings) printNote(io, `warning: ${warning}`)
    })
}

function addUnconfirmedCommands(label: Command, { io, connect }: Context): void {
  label
    .command('unconfirmed')
    .description(
      'list labels that nodes may have set themselves, before an upgrade, and what would change without them',
    )
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl node label unconfirmed'))
    .action(async ({ json }: JsonFlag) => {
      const { admin } = await connect()
      const labels = await allPages((query) => admin.listUnconfirmedLabels({ query }))
      printList(io, labels, {
        json,
        columns: [
          ['key', ({ key }) => key],
          ['values', ({ values }) => values.join(' ')],
          ['nodes', (item) => hostnamesOf(item)],
          ['without it', ({ changes }) => changes.map(describeUse).join('; ') || 'nothing changes'],
        ],
      })
    })

  label
    .command('confirm')
    .description('keep unconfirmed labels as labels: those named, or all')
    .argument('[key...]', 'labels')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl node label confirm', 'plexctl node label confirm env'))
    .action(async (keys: string[], { json }: JsonFlag) => {
      const { admin } = await connect()
      const { body } = await admin.confirmLabels({ body: keys.length > 0 ? { keys } : {} })
      const what = keys.length > 0 ? keys.join(', ') : 'all labels'
      printDone(io, body, { json, text: `confirmed ${what} of ${body.nodes} nodes` })
    })

  addYesFlag(label.command('drop'))
    .description('make unconfirmed labels what the nodes report, with which no rights go')
    .argument('<key...>', 'labels')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl node label drop os kernel --yes'))
    .action(async (keys: string[], { yes, json }: JsonFlag & { yes?: boolean }) => {
      const { admin } = await connect()
      await confirm(io, { what: `make no labels of ${keys.join(', ')} any more`, yes })
      const { body } = await admin.dropLabels({ body: { keys } })
      const text = `${keys.join(', ')} of ${body.nodes} nodes: reported from now on, no label any more`
      printDone(io, body, { json, text })
    })
}

function hostnamesOf({ nodes, hostnames }: UnconfirmedLabel): string {
  const few = hostnames.slice(0, 5)
  const more = nodes - few.length
  return few.join(' ') + (more > 0 ? ` and ${more} more` : '')
}

function describeUse({ kind, name, rule, action, selector, nodes }: LabelUse): string {
  const what =
    kind === 'policy' ? `${action} of rule ${rule} of policy "${name}"` : `${kind} "${name}"`
  return `${what} (${selector}): ${nodes} nodes`
}
