import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, Figure } from '../bench.ts'
import { createTokens } from '../fleet/join.ts'
import type { BareFleet } from '../floor/bare-fleet.ts'
import { memoryOf } from '../process-usage.ts'
import { addFaults, addLoopDelay, lifeIn, liveFor } from './figures.ts'
import { enrolMesh } from './registration.ts'

/** C2, C3 and C7 in a full mesh: what it costs that all nodes enrol at once, what remains of it, and what idling costs. */
export const fullMesh: Bench = {
  name: 'full-mesh',
  targets: ['C2', 'C3', 'C7'],
  summary: 'all enrol at once and see each other: memory then and at rest, CPU, idle CPU',
  topology: 'full',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 1_000)
    const seconds = context.seconds ?? (context.quick ? 1 : 60)
    const fleet = await context.fleet({ agents: size })
    const { plane } = fleet
    const tokens = await createTokens(plane.admin, size)
    await fleet.rest()
    const empty = await plane.usage()
    const { enrolled, seen } = await context.profiled(plane.own, () => enrolMesh(fleet, tokens))
    const full = await plane.usage()
    // In this time each node reports its endpoint, and all others are told: up to 17,000 events a second.
    await fleet.live(lifeIn(context))
    await delay(context.quick ? 500 : 65_000)
    const idle = await liveFor(context, fleet, seconds)
    const peak = plane.own ? memoryOf(plane.own.program().pid, 'VmHWM') : full.rssBytes
    await addFaults(context, fleet)
    await fleet.close()

    const bare = await context.bare(plane, size)
    const bareCpu = await bare?.idleCpu({ seconds, life: lifeIn(context) })
    const streams = bare && {
      what: 'as many streams of bare node:https',
      value: (bare.bytesPerStream() * size) / 1e6,
    }
    const bareSeconds = bare && (await leastSeconds(bare, size))
    const mb = maxMb.find(([agents]) => size <= agents)?.[1]
    context.add({
      id: 'C7',
      what: `full mesh of ${size}: from nothing until everyone sees everyone`,
      unit: 's',
      value: seen,
      floor: bareSeconds,
      target: { atMost: size <= 1_000 ? 8 : 45 },
    })
    context.add({ what: 'all are connected and have a state', unit: 's', value: enrolled })
    context.add({
      what: 'CPU of the control plane for it',
      unit: 's',
      value: full.cpuSeconds - empty.cpuSeconds,
    })
    context.add({
      id: 'C2',
      what: `full mesh of ${size}: memory at its peak`,
      unit: 'MB',
      value: peak / 1e6,
      floor: streams,
      target: mb === undefined ? mb : { atMost: mb * 2 },
    })
    context.add({
      id: 'C2',
      what: `full mesh of ${size}: memory after ${seconds} s in which nothing changed`,
      unit: 'MB',
      value: idle.usage.rssBytes / 1e6,
      floor: streams,
      target: mb === undefined ? mb : { atMost: mb },
    })
    context.add({
      id: 'C3',
      what: `full mesh of ${size}: idle CPU`,
      unit: '% of a core',
      value: idle.cpuShare,
      floor: bareCpu === undefined ? bareCpu : { what: 'bare node:https', value: bareCpu },
      target: size <= 1_000 ? { atMost: 2 } : undefined,
    })
    addLoopDelay(context, idle.usage)
  },
}

/** Of a node's peers, for each, until it sees all: they come with its registration, its first pull, and the pull after the burst. */
const bytesPerPeer = 455

/** For a bare server: to take all connections and, unless that is gigabytes, to send all of them as much. */
async function leastSeconds(bare: BareFleet, size: number): Promise<Figure['floor']> {
  const opening = size / bare.opensPerSecond
  if (size > 1_000) return { what: 'handshakes with bare node:https', value: opening }
  const { median } = await bare.broadcasts({ rounds: 1, bytes: bytesPerPeer * size })
  return {
    what: 'handshakes and as many bytes by bare node:https',
    value: opening + median / 1_000,
  }
}

/** Targets of C2 for memory at rest, by the number of agents. */
const maxMb: readonly (readonly [agents: number, mb: number])[] = [
  [300, 150],
  [1_000, 300],
  [3_000, 1_000],
]
