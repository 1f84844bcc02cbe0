import type { LabelUse, NodeDetail, UnconfirmedLabel } from '@plexd/protocol'
import { type Admin, call, list, nodeArgument, noun } from '../../command.ts'
import { allPages } from '../../context.ts'
import { collectPair } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { formatLabels, printDone, printWarnings } from '../../terminal/output.ts'

/** Under `node`. What the node itself says is no label: `node show` has it apart. */
export const labelCommands = noun(
  {
    name: 'label',
    alias: 'metadata',
    description: 'the labels of nodes, which selectors of policies, secrets and data go by',
    examples: ['plexctl node label set web-01 env=prod'],
  },
  call({
    name: 'set',
    description: 'set labels, and leave the others as they are',
    args: [nodeArgument, ['<key=value...>', 'labels', collectPair]],
    examples: ['plexctl node label set web-01 env=prod region=eu-west-1'],
    call: (admin: Admin, name: string, set: Record<string, string>) =>
      admin.setNodeMetadata({ params: { node: name }, body: { set } }),
    print: printLabels,
  }),
  call({
    name: 'unset',
    description: 'remove labels',
    args: [nodeArgument, ['<key...>', 'labels']],
    examples: ['plexctl node label unset web-01 region'],
    call: (admin: Admin, name: string, remove: string[]) =>
      admin.setNodeMetadata({ params: { node: name }, body: { remove } }),
    print: printLabels,
  }),
  list({
    name: 'unconfirmed',
    description:
      'list labels that nodes may have set themselves, before an upgrade, and what would change without them',
    examples: ['plexctl node label unconfirmed'],
    items: (admin: Admin) => allPages((query) => admin.listUnconfirmedLabels({ query })),
    columns: [
      'key',
      ['values', ({ values }) => values.join(' ')],
      ['nodes', hostnamesOf],
      ['without it', ({ changes }) => changes.map(describeUse).join('; ') || 'nothing changes'],
    ],
  }),
  call({
    name: 'confirm',
    description: 'keep unconfirmed labels as labels: those named, or all',
    args: [['[key...]', 'labels']],
    examples: ['plexctl node label confirm', 'plexctl node label confirm env'],
    call: (admin: Admin, keys: string[]) =>
      admin.confirmLabels({ body: keys.length > 0 ? { keys } : {} }),
    text: ({ nodes }, keys) =>
      `confirmed ${keys.length > 0 ? keys.join(', ') : 'all labels'} of ${nodes} nodes`,
  }),
  call({
    name: 'drop',
    description: 'make unconfirmed labels what the nodes report, with which no rights go',
    args: [['<key...>', 'labels']],
    examples: ['plexctl node label drop os kernel --yes'],
    asks: (keys) => `make no labels of ${keys.join(', ')} any more`,
    call: (admin: Admin, keys: string[]) => admin.dropLabels({ body: { keys } }),
    text: ({ nodes }, keys) =>
      `${keys.join(', ')} of ${nodes} nodes: reported from now on, no label any more`,
  }),
)

type Labelled = NodeDetail & { warnings: string[] }

function printLabels(io: Io, body: Labelled, json: boolean | undefined): void {
  printDone(io, body, { json, text: `${body.hostname}: ${formatLabels(body.labels)}` })
  if (json) printWarnings(io, body.warnings)
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
