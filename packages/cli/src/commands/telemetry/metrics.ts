import { type MetricSeries, type SeriesAggregate, seriesAggregates } from '@plexd/protocol'
import { printJson } from '@plexd/runtime'
import { Option } from 'commander'
import { custom, noun } from '../../command.ts'
import { type Context, jsonHelp } from '../../context.ts'
import { durationFlag } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { printList, printNote } from '../../terminal/output.ts'
import { formatUnit } from './format-value.ts'
import { listMetrics } from './metric-list.ts'
import {
  addNodeFlags,
  addOutputFlags,
  addTimeFlags,
  isJson,
  type NodeFlags,
  nodesOf,
  type OutputFlags,
  type TimeFlags,
  timesOf,
} from './record-flags.ts'

interface QueryFlags extends NodeFlags, TimeFlags, OutputFlags {
  step?: string
  agg?: SeriesAggregate
}

const rangeHelp = `
Without --since the last hour. Values of two days are as fine as nodes measure, 15 s; of a quarter of a year there are minimum, maximum,
average and last of every 5 minutes.
`

/** What nodes measure, over time. */
export const metricCommands = noun(
  {
    name: 'metrics',
    description: 'what nodes measure, over time',
    examples: ['plexctl metrics list', 'plexctl metrics query cpu_percent web-01'],
  },
  listMetrics,
  custom({
    name: 'query',
    description: 'show a metric over time; of a counter how much it grows a second',
    args: [
      [
        '<name>',
        'as "metrics list" has it, with labels if it has some; without its group where that is clear',
      ],
    ],
    flags: (command) =>
      addOutputFlags(addTimeFlags(addNodeFlags(command)), jsonHelp)
        .option(
          '--step <duration>',
          'from value to value, 15s or more; chosen by the range',
          durationFlag,
        )
        .addOption(
          new Option('--agg <how>', 'what is shown of the values in a step')
            .choices(seriesAggregates)
            .default('avg'),
        ),
    json: false,
    help: rangeHelp,
    examples: [
      'plexctl metrics query cpu_percent web-01',
      "plexctl metrics query node_resources.memory_used -l 'env=prod' --since yesterday --step 1h --agg max",
      'plexctl metrics query network_rx_bytes web-01 --since 6h --json',
      "plexctl metrics query 'http_requests_total{code=500}' web-01",
    ],
    run: queryMetrics,
  }),
)

async function queryMetrics(
  { io, connect }: Context,
  name: string,
  node: string | undefined,
  flags: QueryFlags,
): Promise<void> {
  const { step, agg } = flags
  const query = { name, ...nodesOf(node, flags), ...timesOf(flags, io.clock.now()), step, agg }
  const { admin } = await connect()
  const { body } = await admin.queryMetrics({ query })
  if (isJson(flags)) printJson(body, io.stdout)
  else printSeries(io, body)
}

interface Line {
  at: string
  of: string
  value: number
}

function printSeries(io: Io, { name, series, unit }: MetricSeries): void {
  const lines = series.flatMap(({ points, ...whose }) =>
    points.map((point): Line => ({ ...point, of: nameOf(whose) })),
  )
  if (lines.length === 0)
    printNote(io, `no value of "${name}" in this time: see "plexctl metrics list NODE"`)
  printList(io, lines, {
    json: false,
    columns: [
      ['time', ({ at }) => at],
      ['node', ({ of }) => of],
      ['value', ({ value }) => formatUnit(value, unit)],
    ],
  })
}

function nameOf({
  node_hostname,
  node_id,
  peer_id,
  peer_hostname,
  labels,
}: Omit<MetricSeries['series'][number], 'points'>): string {
  const node = node_hostname || node_id
  const whose = peer_id === null ? node : `${node} to ${peer_hostname || peer_id}`
  const parts = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`)
  return parts.length === 0 ? whose : `${whose} {${parts.join(',')}}`
}
