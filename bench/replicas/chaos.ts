import { setTimeout as delay } from 'node:timers/promises'
import { noPostgres } from '@plexd/runtime/testing'
import { createRandom, type Random } from '../../test/support/random.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { type Fleet, startFleet } from '../fleet/fleet.ts'
import { addFaults } from '../scenarios/figures.ts'
import { noBalancer } from './balancer.ts'
import { startChanges } from './changes.ts'
import { drawFault, type Fault } from './faults.ts'
import { addFlow, untilFlow } from './flow.ts'
import { type Installation, startInstallation } from './installation.ts'

const seed = Number(process.env.PLEXD_CHAOS_SEED ?? Date.now() % 1e6)
/** Of the quick form; a whole run has more. */
const quickFaults = Number(process.env.PLEXD_CHAOS_FAULTS ?? 2)

/** Silent for three of these means that a node is reported as unreachable: short, so that an outage might do that. */
const heartbeatMs = 5_000
const changesPerSecond = 20

/** C18: one fault after the other in control planes, their database and what lies between, while everything changes. */
export const chaos: Bench = {
  name: 'chaos',
  targets: ['C18'],
  summary: 'two and three control planes behind HAProxy while one thing after the other is killed',
  topology: 'groups',
  async run(context) {
    const why = noPostgres || noBalancer
    if (why) {
      context.note(why)
      return
    }
    context.note(`PLEXD_CHAOS_SEED=${seed}`)
    const random = createRandom(seed)
    const rounds = context.rounds ?? (context.quick ? quickFaults : 100)
    const counts = rounds < 4 ? [2 + random.below(2)] : [2, 3]
    const times = new Map<Fault, number[]>()
    for (const [at, count] of counts.entries()) {
      const share = Math.ceil((rounds - at) / counts.length)
      await runOn(context, random, { count, rounds: share, times })
    }
    addTimes(context, times)
  },
}

interface Part {
  /** Of control planes. */
  count: number
  rounds: number
  /** Until events came again, for each kind of fault. */
  times: Map<Fault, number[]>
}

async function runOn(context: BenchContext, random: Random, { count, rounds, times }: Part) {
  const size = context.agents ?? (context.quick ? 20 : 1_000)
  const args = ['--heartbeat-interval', `${heartbeatMs}ms`]
  await using installation = await startInstallation({ count, args })
  await using fleet = await startFleet(installation.plane, { agents: size, topology: 'groups' })
  await fleet.pull()
  await fleet.open()
  await fleet.each((worker) => worker.fold(20))
  await fleet.live({ heartbeatMs, pullMs: 60_000, endpointMs: 0 })
  const changes = await startChanges(fleet, { perSecond: changesPerSecond, random: random.fork() })
  const before = new Set(await installation.logged(silentText))
  for (let round = 0; round < rounds; round++) {
    const fault = drawFault(random)
    const stamp = `round ${round} of ${count} control planes`
    const ms = await flowAfter(installation, fleet, { fault, random, stamp })
    times.getOrInsertComputed(fault, () => []).push(ms)
    await delay(500 + random.below(3_500))
  }
  const faults = await changes.end()
  await fleet.live({ heartbeatMs, pullMs: 0, endpointMs: 0 })
  const silent = (await installation.logged(silentText)).filter((line) => !before.has(line))
  for (const text of [...faults, ...silent]) context.fault(text)
  await addFaults(context, fleet)
  await fleet.close()
  const ends = await installation.logged('"level":"error"')
  context.note(
    `${count} control planes, ${rounds} faults: ${changes.acknowledged()} changes acknowledged, ${changes.unanswered()} without an answer; ${ends.length} errors in logs`,
  )
}

/** In a line of the log. */
const silentText = '"node is silent"'

interface Round {
  fault: Fault
  random: Random
  stamp: string
}

/** How long it took until events came again, in milliseconds. Then all is well. */
async function flowAfter(
  installation: Installation,
  fleet: Fleet,
  { fault, random, stamp }: Round,
): Promise<number> {
  const { serving, waiting } = await installation.settled()
  const roles = { serving, waiting: random.pick(waiting) }
  let over: Promise<unknown> | undefined
  const ms = await untilFlow(fleet, stamp, async () => {
    ;({ over } = await fault.begin(installation, roles, random))
  })
  await over
  await installation.settled()
  return ms
}

function addTimes(context: BenchContext, times: ReadonlyMap<Fault, readonly number[]>): void {
  const kills = [...times].filter(([{ isKill }]) => isKill).flatMap(([, ms]) => ms)
  const target = { id: 'C18', target: { atMost: 5 } }
  if (kills.length > 0) addFlow(context, 'a control plane is killed', kills, target)
  for (const [{ name }, ms] of times) addFlow(context, name, ms)
}
