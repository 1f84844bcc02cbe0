import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { limits } from '@plexd/control-plane'
import { openUdpSocket } from '@plexd/runtime'
import type { Bench } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { type Quantiles, quantiles } from '../quantiles.ts'
import type { StrangerOrder } from '../strangers/strangers.ts'
import { addFaults, after, lastOf, moveInTurn } from './figures.ts'

/** C19: the fleet works while strangers without a credential do their worst. */
export const abuse: Bench = {
  name: 'abuse',
  targets: ['C19'],
  summary: 'changes and operators, while strangers on eight addresses do their worst',
  topology: 'full',
  async run(context) {
    const agents = context.agents ?? (context.quick ? 16 : 1_000)
    const seconds = context.seconds ?? (context.quick ? 1 : 60)
    const stunPort = await freeUdpPort()
    const held = `wrong_tokens=${limits.wrong_tokens.default}`
    const args = ['--stun-listen', `127.0.0.1:${stunPort}`, '--limit', held]
    const fleet = await context.fleet({ agents, topology: 'full', args })
    const { plane } = fleet
    await fleet.open()
    const alone = await measure(fleet, seconds / 3, 10_000)
    const before = await plane.usage()
    const { hostname: host, port } = new URL(plane.url)
    const strangers = abuseBy({ host, port: Number(port), stunPort, seconds: seconds + 1 })
    const beside = await context.profiled(plane.own, () => measure(fleet, seconds, 30_000))
    const counts = await strangers
    // Garbage is collected within a minute.
    await delay(context.quick ? 0 : 60_000)
    const { rssBytes } = await plane.usage()
    await addFaults(context, fleet)
    for (const [what, count] of Object.entries(counts)) context.note(`${count} × ${what}`)
    context.add({
      id: 'C19',
      what: 'the last of all has a change, beside strangers against without them, median',
      unit: '×',
      value: beside.change.median / alone.change.median,
      target: { atMost: 2 },
    })
    context.add({ what: 'the same beside them', unit: 'ms', value: beside.change.median })
    context.add({ what: 'the same beside them, p99', unit: 'ms', value: beside.change.p99 })
    context.add({
      id: 'C19',
      what: 'a read of an operator on a connection of its own beside them, p99',
      unit: 'ms',
      value: beside.read.p99,
      floor: { what: 'without them', value: alone.read.p99 },
      target: { atMost: 100 },
    })
    context.add({
      what: 'memory that they leave behind, a minute later',
      unit: 'MB',
      value: (rssBytes - before.rssBytes) / 1e6,
    })
  },
}

/** One change after another, each followed by a read of an operator. */
async function measure(
  fleet: Fleet,
  seconds: number,
  port: number,
): Promise<Record<'change' | 'read', Quantiles>> {
  const reads: number[] = []
  const then = async (): Promise<void> => {
    const startMs = performance.now()
    await fleet.plane.admin.listNodes({ query: { limit: '20' } })
    reads.push(performance.now() - startMs)
  }
  const isOver = after(seconds)
  const changes = await moveInTurn(fleet, { ip: '198.51.100.6', port, restMs: 100, isOver, then })
  return { change: lastOf(changes), read: quantiles(reads) }
}

/** In a process of its own, so as not to take time from the measuring one. Resolves to what was done how often. */
async function abuseBy(order: StrangerOrder): Promise<Record<string, number>> {
  const program = join(import.meta.dirname, '../strangers/strangers.ts')
  const child = spawn(process.execPath, [program, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(await text(child.stdout)) as Record<string, number> // as it prints it
}

async function freeUdpPort(): Promise<number> {
  await using socket = await openUdpSocket(0, '127.0.0.1')
  return socket.port
}
