import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { answersOf, type TallyPage } from '../fleet/worker/tally.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'
import { quantiles } from '../quantiles.ts'
import { addFaults, addLoopDelay, medianOf, p99Of, requireAnswers } from './figures.ts'

/** C8: the control plane is killed and restarted, and all agents reconnect at once. */
export const storm: Bench = {
  name: 'storm',
  targets: ['C8'],
  summary: 'kill -9 and restart, until every agent has proved that it is current',
  topology: 'groups',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 1_000)
    const rounds = context.rounds ?? 1
    const fleet = await context.fleet({ agents: size, topology: 'groups' })
    const { own } = fleet.plane
    if (!own) {
      context.note('left out: only a control plane of our own can be killed')
      return
    }
    await fleet.pull()
    await fleet.open()
    await fleet.live()
    const sinceKill: number[] = []
    const sinceStart: number[] = []
    const reads: number[] = []
    const tally: TallyPage = []
    for (let round = 0; round < rounds; round++) {
      // Changes to catch up with.
      await Promise.all(
        [1, 2, 3].map((index) => fleet.move(index, `198.51.100.${round}:${1_000 + index}`)),
      )
      await fleet.take()
      const killedMs = monotonicMs()
      await own.end('SIGKILL')
      await own.start()
      const startedMs = monotonicMs()
      reads.push(...(await context.profiled(own, () => readUntilCurrent(fleet, startedMs))))
      const { lastCurrentMs } = await fleet.progress(startedMs)
      sinceKill.push((lastCurrentMs - killedMs) / 1_000)
      sinceStart.push((lastCurrentMs - startedMs) / 1_000)
      tally.push(...(await fleet.take()).tally)
    }
    const usage = await fleet.plane.usage()
    await fleet.rest()
    await addFaults(context, fleet)
    await fleet.close()
    const bare = await context.bare(fleet.plane, size)
    const pulls = answersOf(tally, 'state')
    requireAnswers(context, 'state pulls', pulls, 200, 304, 0, 503)
    context.add({
      id: 'C8',
      what: `${size} agents current again after kill -9`,
      unit: 's',
      ...medianOf(quantiles(sinceKill)),
      floor: bare && { what: 'handshakes with bare node:https', value: size / bare.opensPerSecond },
      target: { atMost: 20 },
    })
    context.add({
      what: 'the same since it listens again',
      unit: 's',
      value: quantiles(sinceStart).median,
    })
    context.add({
      id: 'C8',
      what: `${size} agents: reads of an operator meanwhile, p99`,
      unit: 'ms',
      ...p99Of(quantiles(reads)),
      target: { atMost: 200 },
    })
    context.add({
      id: 'C8',
      what: `${size} agents: state pulls answered 304`,
      unit: '%',
      value: (100 * pulls.of(304)) / (pulls.of(304) + pulls.of(200)),
      target: { atLeast: 99 },
    })
    addLoopDelay(context, usage)
  },
}

const patienceMs = 180_000

/** How long each read of an operator took until all agents were current. */
export async function readUntilCurrent(fleet: Fleet, sinceMs: number): Promise<number[]> {
  const times: number[] = []
  for (;;) {
    const startMs = monotonicMs()
    await fleet.plane.admin.listNodes({ query: { limit: '100' } })
    times.push(monotonicMs() - startMs)
    const { current } = await fleet.progress(sinceMs)
    if (current === fleet.size) return times
    if (startMs - sinceMs > patienceMs)
      throw new Error(`wait for the fleet: ${current} of ${fleet.size} agents are current`)
    await delay(50)
  }
}
