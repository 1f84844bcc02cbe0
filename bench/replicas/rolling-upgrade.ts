import { noPostgres } from '@plexd/runtime/testing'
import { createRandom } from '../../test/support/random.ts'
import { openVersionAfter } from '../../test/upgrade/support/version-after.ts'
import { openVersionBefore } from '../../test/upgrade/support/version-before.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { checkLedgers } from '../fleet/check.ts'
import { type Fleet, startFleet } from '../fleet/fleet.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { noBalancer } from './balancer.ts'
import { startChanges } from './changes.ts'
import { addFlow, untilFlow } from './flow.ts'
import { type Installation, startInstallation } from './installation.ts'

/** The first commit in which several control planes serve from one database; the tag of the last minor version, once there is one. */
const versionBefore = 'ad4da321f8a9241e87ec63d4af169ba2c241580d'

const heartbeatMs = 5_000

/** What the control planes are replaced by, one after the other. */
interface Step {
  what: string
  /** Undefined for the version of now. */
  file: string | undefined
}

/** Two control planes under live agents become those of the next version, and of one whose database is another. */
export const rollingUpgrade: Bench = {
  name: 'rolling-upgrade',
  targets: [],
  summary: 'two control planes are replaced by the next version, one after the other, under agents',
  topology: 'groups',
  async run(context) {
    const why = noPostgres || noBalancer
    if (why) {
      context.note(why)
      return
    }
    await using stack = new AsyncDisposableStack()
    const before = await openVersionBefore(versionBefore)
    if (typeof before === 'string') context.note(before)
    else stack.use(before)
    const after = stack.use(await openVersionAfter())
    const first = typeof before === 'string' ? undefined : before['control-plane']
    const steps: Step[] = [
      ...(first === undefined ? [] : [{ what: 'by the version of now', file: undefined }]),
      { what: 'by one that changes the database', file: after['control-plane'] },
    ]
    await using installation = await startInstallation({
      count: 2,
      file: first,
      args: ['--heartbeat-interval', `${heartbeatMs}ms`],
    })
    await upgradeUnder(context, installation, steps)
  },
}

async function upgradeUnder(
  context: BenchContext,
  installation: Installation,
  steps: readonly Step[],
): Promise<void> {
  const { plane } = installation
  const size = context.agents ?? (context.quick ? 20 : 1_000)
  await using fleet = await startFleet(plane, { agents: size, topology: 'groups' })
  await fleet.pull()
  await fleet.open()
  await fleet.each((worker) => worker.fold(20))
  await fleet.live({ heartbeatMs, pullMs: 60_000, endpointMs: 0 })
  await fleet.take()
  const random = createRandom(size)
  const changes = await startChanges(fleet, { perSecond: 20, random })
  const before = new Set(await installation.logged('"node is silent"'))
  for (const step of steps) await replaceAll(context, installation, fleet, step)
  for (const text of await changes.end()) context.fault(text)
  for (const line of await installation.logged('"node is silent"'))
    if (!before.has(line)) context.fault(line)
  await fleet.live({ heartbeatMs, pullMs: 0, endpointMs: 0 })
  const pulls = answersOf((await fleet.take()).tally, 'state')
  const { faults, events, needless } = await checkLedgers(fleet)
  for (const fault of faults) context.fault(fault)
  await fleet.close()
  context.add({
    what: 'states that were sent whole though nothing of them had moved',
    unit: '',
    value: needless,
    target: { atMost: 0 },
  })
  context.add({ what: 'state pulls answered 304', unit: '', value: pulls.of(304) })
  context.add({ what: 'state pulls answered with what had moved', unit: '', value: pulls.of(200) })
  context.note(
    `${events} events in ledgers; ${changes.acknowledged()} changes acknowledged, ${changes.unanswered()} without an answer`,
  )
}

/** As the guide says: the one that waits first. Then both versions are there at once, and the one that serves is replaced. */
async function replaceAll(
  context: BenchContext,
  installation: Installation,
  fleet: Fleet,
  { what, file }: Step,
): Promise<void> {
  const { serving, waiting } = await installation.settled()
  for (const [which, replica] of [
    ['one that waits', waiting[0]],
    ['the one that serves', serving],
  ] as const) {
    const stamp = `${which} ${what}`
    const done = Promise.withResolvers<void>()
    const ms = await untilFlow(fleet, stamp, async () => {
      replica.replace(file).then(done.resolve, done.reject)
    })
    await done.promise
    await installation.settled()
    addFlow(context, `${which} is replaced ${what}`, [ms])
  }
}
