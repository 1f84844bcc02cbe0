import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import { checkLedgers } from '../fleet/check.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'
import { startBareFleet } from '../floor/bare-fleet.ts'
import { quantiles } from '../quantiles.ts'

/** C8: the control plane is killed and starts again, and all agents come back at once. */
export const storm: Bench = {
  name: 'storm',
  targets: ['C8'],
  summary: 'kill -9 and restart, until every agent has proved that it is current',
  async run(context) {
    const size = context.agents ?? (context.quick ? 60 : 1_000)
    const rounds = context.rounds ?? 1
    const fleet = await context.fleet({ agents: size, topology: 'groups' })
    const own = fleet.plane.own
    if (!own) {
      context.note('left out: only a control plane of our own can be killed')
      return
    }
    await fleet.pull()
    await fleet.open()
    await fleet.live()
    const killed: number[] = []
    const restarted: number[] = []
    const reads: number[] = []
    const tallies: ReturnType<typeof answersOf>[] = []
    for (let round = 0; round < rounds; round++) {
      // Something to catch up with.
      await Promise.all(
        [1, 2, 3].map((index) => fleet.move(index, `198.51.100.${round}:${1_000 + index}`)),
      )
      await fleet.take()
      const killedMs = monotonicMs()
      await own.process.end('SIGKILL')
      await own.process.start()
      const startedMs = monotonicMs()
      reads.push(...(await context.profiled(fleet.plane, () => readUntilCurrent(fleet, startedMs))))
      const { lastCurrentMs } = await fleet.progress(startedMs)
      killed.push(lastCurrentMs - killedMs)
      restarted.push(lastCurrentMs - startedMs)
      tallies.push(answersOf((await fleet.take()).tally, 'state'))
    }
    const usage = await fleet.plane.usage()
    await fleet.rest()
    const { faults, events, coalesced } = await checkLedgers(fleet)
    for (const fault of faults) context.fault(fault)
    await fleet.close()
    const bare = await startBareFleet(fleet.plane, { agents: size, workers: size > 5_000 ? 2 : 1 })
    const [pulls] = tallies
    context.add({
      id: 'C8',
      what: `${size} agents current again after kill -9`,
      unit: 's',
      value: quantiles(killed).median / 1_000,
      low: Math.min(...killed) / 1_000,
      high: Math.max(...killed) / 1_000,
      rounds,
      floor: { what: 'handshakes with bare node:https', value: size / bare.opensPerSecond },
      target: { atMost: 20 },
    })
    context.add({
      what: 'the same since it listens again',
      unit: 's',
      value: quantiles(restarted).median / 1_000,
    })
    const read = quantiles(reads)
    context.add({
      id: 'C8',
      what: `${size} agents: reads of an operator meanwhile, p99`,
      unit: 'ms',
      value: read.p99,
      high: read.max,
      low: read.median,
      rounds: reads.length,
      target: { atMost: 200 },
    })
    if (pulls) {
      context.add({
        id: 'C8',
        what: `${size} agents: state pulls answered 304`,
        unit: '%',
        value: (100 * pulls.of(304)) / (pulls.of(304) + pulls.of(200)),
        target: { atLeast: 99 },
      })
      const wrong = pulls.others(200, 304, 0, 503)
      if (wrong !== '') context.fault(`state pulls: ${wrong}`)
    }
    context.add({ what: 'delay of the event loop, p99', unit: 'ms', value: usage.loopP99Ms })
    context.note(`${events} events in ledgers, ${coalesced} of them by a pulled state`)
    await bare[Symbol.asyncDispose]()
  },
}

const patienceMs = 180_000

/** How long each read of an operator took until all agents were current. */
async function readUntilCurrent(fleet: Fleet, sinceMs: number): Promise<number[]> {
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
