import type { NodeUsage, PeerUsage } from '@plexd/protocol'
import { Option } from 'commander'
import { type Admin, list, nodeArgument, noun } from '../../command.ts'
import { allPages } from '../../context.ts'
import { selectorFlag } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { ageOf, printNote } from '../../terminal/output.ts'
import { formatBytes, formatNumber, formatShare, formatUnit } from './format-value.ts'

const sortKeys = ['name', 'cpu', 'memory', 'disk'] as const
type SortKey = (typeof sortKeys)[number]

/** What nodes use now. */
export const topCommands = noun(
  {
    name: 'top',
    description: 'what nodes use, and how they reach each other, as they last measured it',
    examples: ['plexctl top nodes', 'plexctl top peers web-01'],
  },
  list({
    name: 'nodes',
    description: 'CPU, memory and disk of nodes; the busiest first with --sort',
    flags: (command) =>
      command
        .option('-l, --selector <selector>', 'only those that it matches', selectorFlag)
        .addOption(new Option('--sort <key>', 'by what').choices(sortKeys).default('name')),
    examples: [
      'plexctl top nodes',
      "plexctl top nodes -l 'env=prod' --sort cpu",
      'plexctl top nodes --json',
    ],
    items: async (admin: Admin, { selector, sort }: { selector?: string; sort: SortKey }) =>
      sorted(await allPages((page) => admin.topNodes({ query: { ...page, selector } })), sort),
    columns: [
      ['hostname', ({ node_hostname, node_id }) => node_hostname || node_id],
      'status',
      ['cpu', ({ cpu_percent }) => formatUnit(cpu_percent, 'percent')],
      ['load', ({ load_1 }) => formatNumber(load_1)],
      ['memory', ({ memory_used, memory_total }) => formatShare(memory_used, memory_total)],
      ['disk', ({ disk_used, disk_total }) => formatShare(disk_used, disk_total)],
      ['up', ({ uptime_seconds }) => formatUnit(uptime_seconds, 'seconds')],
      ['measured', measuredAgo],
    ],
    notes(io, nodes) {
      noteStale(io, nodes)
      if (nodes.length === 0)
        printNote(io, 'no node: "plexctl node list" shows all, with their labels')
    },
  }),
  list({
    name: 'peers',
    description: 'tunnels of a node to its peers: how old the handshake is, how long packets take',
    args: [nodeArgument],
    examples: ['plexctl top peers web-01', 'plexctl top peers web-01 --json'],
    items: async (admin: Admin, node: string) =>
      (await admin.topPeers({ params: { node } })).body.items,
    columns: [
      ['peer', ({ peer_hostname, peer_id }) => peer_hostname || peer_id],
      ['handshake', ({ handshake_age_seconds }) => formatUnit(handshake_age_seconds, 'seconds')],
      ['rtt', ({ rtt_ms }) => formatUnit(rtt_ms, 'milliseconds')],
      ['loss', ({ packet_loss_percent }) => formatUnit(packet_loss_percent, 'percent')],
      ['received', ({ rx_bytes }) => formatBytes(rx_bytes)],
      ['sent', ({ tx_bytes }) => formatBytes(tx_bytes)],
      ['measured', measuredAgo],
    ],
    notes(io, peers) {
      noteStale(io, peers)
      if (peers.length === 0) printNote(io, 'it has measured no tunnel in the last 10 minutes')
    },
  }),
)

type Measured = Pick<NodeUsage | PeerUsage, 'measured_at' | 'stale'>

function measuredAgo({ measured_at, stale }: Measured, io: Io): string {
  const age = ageOf(measured_at, io)
  return stale && measured_at !== null ? `${age} (stale)` : age
}

/** A node without metrics says so by its dashes; the others are counted, as their numbers look like any others. */
function noteStale(io: Io, items: readonly Measured[]): void {
  const stale = items.filter((item) => item.stale && item.measured_at !== null).length
  if (stale === 0) return
  const whose = stale === 1 ? 'one line is' : `${stale} lines are`
  printNote(io, `${whose} stale: measured more than 2 minutes ago`)
}

function sorted(nodes: NodeUsage[], key: SortKey): NodeUsage[] {
  if (key === 'name') return nodes.sort((a, b) => (a.node_hostname < b.node_hostname ? -1 : 1))
  const use = uses[key]
  return nodes.sort((a, b) => use(b) - use(a))
}

/** Where nothing is known, at the end. */
const uses: Readonly<Record<Exclude<SortKey, 'name'>, (node: NodeUsage) => number>> = {
  cpu: ({ cpu_percent }) => cpu_percent ?? -1,
  memory: ({ memory_used, memory_total }) => shareOf(memory_used, memory_total),
  disk: ({ disk_used, disk_total }) => shareOf(disk_used, disk_total),
}

function shareOf(used: number | null, total: number | null): number {
  return used === null || !total ? -1 : used / total
}
