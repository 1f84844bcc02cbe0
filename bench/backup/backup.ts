import { mkdtempDisposable, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '@plexd/runtime/testing'
import type { Bench, BenchContext } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { openPlaneIn, type Plane } from '../fleet/plane.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'
import { quantiles } from '../quantiles.ts'
import { addFaults, lifeIn, medianOf } from '../scenarios/figures.ts'
import { backUp, keysIn, makeKey, restoreTo, startWriting, untilCurrent } from './steps.ts'

/** C17: a backup while all agents live and an operator makes changes, the loss of the machine, and the restore. */
export const backup: Bench = {
  name: 'backup',
  targets: ['C17'],
  summary:
    'a backup under load, kill -9 and a restore, until every agent has proved that it is current',
  topology: 'groups',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 1_000)
    const rounds = context.rounds ?? (context.quick ? 1 : 3)
    const fleet = await context.fleet({ agents: size, topology: 'groups' })
    if (!fleet.plane.own) {
      context.note('left out: only a control plane of our own can be killed')
      return
    }
    await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-bench-backup-'))
    await using planes = new AsyncDisposableStack()
    await fleet.pull()
    await fleet.open()
    await fleet.live(lifeIn(context))
    const took: Taken[] = []
    let plane: Plane = fleet.plane
    for (let round = 0; round < rounds; round++) {
      const { next, ...times } = await drill(context, { fleet, plane, folder: folder.path, round })
      plane = planes.use(next)
      took.push(times)
    }
    await fleet.rest()
    await addFaults(context, { ...fleet, plane })
    await fleet.close()
    addFigures(context, size, took)
  },
}

interface Taken {
  createMs: number
  bytes: number
  restoreMs: number
  servingMs: number
  currentMs: number
}

async function drill(
  context: BenchContext,
  { fleet, plane, folder, round }: { fleet: Fleet; plane: Plane; folder: string; round: number },
): Promise<Taken & { next: Plane }> {
  const { own } = plane
  if (!own) throw new Error('back up a control plane that is not ours')
  const key = await makeKey(join(folder))
  const file = join(folder, `backup-${round}`)
  await using writing = startWriting(plane.admin, `round-${round}`)
  await until('changes are made', () => writing.acknowledged().length >= 10, 60_000)
  const before = writing.acknowledged()
  const createMs = await backUp(own, file, key)
  const during = writing.acknowledged().length
  await until('more changes are made', () => writing.acknowledged().length > during, 60_000)
  await own.end('SIGKILL')
  const startMs = monotonicMs()
  const to = join(folder, `restored-${round}`)
  const restoreMs = await restoreTo(to, file, { lost: own, key })
  const next = await openPlaneIn(to, { listen: new URL(plane.url).host })
  const servingMs = monotonicMs() - startMs
  const currentMs = (await untilCurrent(fleet, startMs + servingMs)) - startMs
  const kept = next.own ? keysIn(next.own) : new Set()
  for (const name of before)
    if (!kept.has(name))
      context.fault(`"${name}" was acknowledged before the backup, and is missing`)
  context.note(`${before.length} changes before the backup, ${during - before.length} beside it`)
  const { size: bytes } = await stat(file)
  return { createMs, bytes, restoreMs, servingMs, currentMs, next }
}

function addFigures(context: BenchContext, size: number, took: readonly Taken[]): void {
  const seconds = (of: (taken: Taken) => number) =>
    medianOf(quantiles(took.map((taken) => of(taken) / 1_000)))
  context.add({
    id: 'C17',
    what: `${size} agents under load: a backup`,
    unit: 's',
    ...seconds(({ createMs }) => createMs),
    target: { atMost: 3 },
  })
  context.add({
    id: 'C17',
    what: `${size} agents: from the lost machine to serving`,
    unit: 's',
    ...seconds(({ servingMs }) => servingMs),
    target: { atMost: 5 },
  })
  context.add({
    what: 'of which the restore itself',
    unit: 's',
    ...seconds(({ restoreMs }) => restoreMs),
  })
  context.add({
    what: `${size} agents current again since the machine was lost`,
    unit: 's',
    ...seconds(({ currentMs }) => currentMs),
  })
  context.add({
    what: 'size of the backup',
    unit: 'KiB',
    ...medianOf(quantiles(took.map(({ bytes }) => bytes / 1_024))),
  })
}
