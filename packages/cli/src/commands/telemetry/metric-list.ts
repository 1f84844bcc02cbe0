import { metrics, type NodeProgramMetrics, type ProgramMetric } from '@plexd/protocol'
import { custom } from '../../command.ts'
import { allPages, type Context } from '../../context.ts'
import type { Io } from '../../terminal/io.ts'
import { ageOf, printList, printNote } from '../../terminal/output.ts'
import { addNodeFlags, type NodeFlags, nodesOf } from './record-flags.ts'

interface ListFlags extends NodeFlags {
  json?: boolean
}

/** Of every node without one; of a node, what its programs send. */
export const listMetrics = custom({
  name: 'list',
  description: 'list the metrics that every node has, or those that programs on a node send',
  flags: addNodeFlags,
  examples: [
    'plexctl metrics list',
    'plexctl metrics list web-01',
    "plexctl metrics list -l 'env=prod' --json",
  ],
  async run({ io, connect }: Context, node: string | undefined, flags: ListFlags) {
    if (node === undefined && flags.selector === undefined) return printOwn(io, flags)
    const asked = nodesOf(node, flags)
    const { admin } = await connect()
    const nodes = await allPages((query) =>
      admin.listProgramMetrics({ query: { ...query, ...asked } }),
    )
    if (flags.json) printList(io, nodes, { json: true, columns: [] })
    else printPrograms(io, nodes)
  },
})

function printOwn(io: Io, { json }: ListFlags): void {
  printList(io, metrics, {
    json,
    columns: ['name', 'type', 'unit', ['what', ({ help }) => help]],
  })
}

function printPrograms(io: Io, nodes: readonly NodeProgramMetrics[]): void {
  const lines = nodes.flatMap(({ node_hostname, node_id, metrics: own }) =>
    own.map((metric) => ({ ...metric, node: node_hostname || node_id })),
  )
  if (lines.length === 0) printNote(io, 'no program on these nodes sends metrics')
  printList(io, lines, {
    json: false,
    columns: [
      'node',
      'name',
      'type',
      'unit',
      'series',
      ['last', ({ last_at }) => ageOf(last_at, io)],
      ['labels', ({ labels }) => formatLabels(labels)],
    ],
  })
  for (const { node_hostname, node_id, left_out } of nodes)
    if (left_out)
      printNote(
        io,
        `${node_hostname || node_id}: ${left_out.values} values left out, the last ${ageOf(left_out.at, io)} ago of ${left_out.series}: no room for its series (limit ${left_out.limit})`,
      )
}

const shownValues = 3

function formatLabels(labels: ProgramMetric['labels']): string {
  const parts = Object.entries(labels).map(([label, values]) => {
    const more = values.length > shownValues ? ',...' : ''
    return `${label}=${values.slice(0, shownValues).join(',')}${more}`
  })
  return parts.join(' ') || '-'
}
