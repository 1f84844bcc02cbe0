import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { limits } from '@plexd/control-plane'
import { openUdpSocket } from '@plexd/runtime'
import type { Bench } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { quantiles } from '../quantiles.ts'
import type { StrangerOrder } from '../strangers/strangers.ts'
import { addFaults } from './figures.ts'

/** C19: strangers without a credential do what they can, and the fleet lives beside them. */
export const abuse: Bench = {
  name: 'abuse',
  targets: ['C19'],
  summary: 'changes and operators, while strangers on eight addresses do what they can',
  async run(context) {
    const size = context.agents ?? (context.quick ? 40 : 1_000)
    const seconds = context.seconds ?? (context.quick ? 3 : 60)
    const stunPort = await freeUdpPort()
    const held = `wrong_tokens=${limits.wrong_tokens.default}`
    const args = ['--stun-listen', `127.0.0.1:${stunPort}`, '--limit', held]
    const fleet = await context.fleet({ agents: size, topology: 'full', args })
    await fleet.open()
    await fleet.live({ heartbeatMs: 30_000, pullMs: 0, endpointMs: 0 })
    const alone = await measure(fleet, { seconds: seconds / 3, from: 10_000 })
    const before = await fleet.plane.usage()
    const { hostname: host, port } = new URL(fleet.plane.url)
    const strangers = abuseBy({ host, port: Number(port), stunPort, seconds: seconds + 1 })
    const beside = await context.profiled(fleet.plane, () =>
      measure(fleet, { seconds, from: 30_000 }),
    )
    const counts = await strangers
    // What is no longer needed is collected within a minute.
    await delay(context.quick ? 0 : 60_000)
    const after = await fleet.plane.usage()
    await fleet.rest()
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
      value: (after.rssBytes - before.rssBytes) / 1e6,
    })
  },
}

/** One change after another, with a rest between them, and a read of an operator beside each. */
async function measure(
  fleet: Fleet,
  { seconds, from }: { seconds: number; from: number },
): Promise<Record<'change' | 'read', ReturnType<typeof quantiles>>> {
  const numbers = fleet.identities.map(({ index }) => index)
  const endMs = performance.now() + seconds * 1_000
  const [changes, reads]: [number[], number[]] = [[], []]
  for (let round = 0; performance.now() < endMs; round++) {
    const [index, endpoint] = [round % fleet.size, `198.51.100.6:${from + round}`]
    const among = numbers.filter((other) => other !== index)
    const { lastMs } = await fleet.change(
      { type: 'peer_endpoint_changed', text: `"${endpoint}"`, among },
      () => fleet.move(index, endpoint),
    )
    changes.push(lastMs)
    const startMs = performance.now()
    await fleet.plane.admin.listNodes({ query: { limit: '20' } })
    reads.push(performance.now() - startMs)
    await delay(restMs)
  }
  return { change: quantiles(changes), read: quantiles(reads) }
}

const restMs = 100

/** A process of their own: they must not take the time of those who measure. Resolves to what they did. */
async function abuseBy(order: StrangerOrder): Promise<Record<string, number>> {
  const program = join(import.meta.dirname, '../strangers/strangers.ts')
  const child = spawn(process.execPath, [program, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(await text(child.stdout)) as Record<string, number> // as they print it
}

async function freeUdpPort(): Promise<number> {
  await using socket = await openUdpSocket(0, '127.0.0.1')
  return socket.port
}
