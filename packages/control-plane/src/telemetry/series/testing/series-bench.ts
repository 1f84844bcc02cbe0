import { join } from 'node:path'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { makeTemporaryFolder } from '../../../testing/temporary-folder.ts'
import { createPrograms } from '../../latest/programs.ts'
import { openSqliteTelemetry } from '../../sqlite-store.ts'
import { type Series, startSeries } from '../series.ts'
import { openSeriesAt } from './series-stores.ts'

const hourMs = 3_600_000
const minuteMs = 60_000

/** A store and what follows it, of which either is killed, or ends as it should. */
export async function openBench(place: string) {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await makeTemporaryFolder())
  const clock = createFakeClock()
  const telemetry = stack.use(
    openSqliteTelemetry(join(folder.path, 'telemetry'), { now: clock.now }),
  )
  const opened = stack.move()
  const leftOut = new Map<string, number>()
  const startMs = clock.now() - (clock.now() % hourMs)
  return {
    clock,
    telemetry,
    startMs,
    /** Values, by the reason. */
    leftOut,
    /** One that goes on with what the last one has stored. */
    async start({
      maxSeries = 100,
    }: {
      maxSeries?: number
    } = {}): Promise<Series & { kill(): Promise<void> }> {
      const room = { own: maxSeries, programs: maxSeries }
      const onLeftOut = (reason: string, count: number) =>
        leftOut.set(reason, (leftOut.get(reason) ?? 0) + count)
      const store = await openSeriesAt(place, { room, onLeftOut })
      const limits = () => ({ node_program_series: maxSeries, tenant_program_series: 1_000 })
      const programs = createPrograms(limits)
      const options = { room, programs, onLeftOut }
      const series = startSeries({ store, telemetry, clock, log: silentLog, ...options })
      return {
        ...series,
        kill: async () => store[Symbol.asyncDispose](),
        async [Symbol.asyncDispose]() {
          await series[Symbol.asyncDispose]()
          await store[Symbol.asyncDispose]()
        },
      }
    },
    send: (
      node_id: string,
      ...points: { at: number; group?: string; peer_id?: string; data: object }[]
    ) =>
      telemetry.append({
        kind: 'metrics',
        source: { tenant_id: 't', node_id },
        records: points.map(({ at, ...point }) =>
          JSON.stringify({
            group: 'node_resources',
            ...point,
            timestamp: new Date(startMs + at).toISOString(),
          }),
        ),
      }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

export async function cpuOf(series: Series, nodeId: string, sinceMs: number, untilMs: number) {
  const hours = await series.read(nodeId, { sinceMs, untilMs })
  return Array.from(hours, ([startMs, hour]) =>
    Array.from(hour.series.get('node_resources.cpu_percent') ?? [], ([slot, bucket]) => ({
      at: startMs + slot * 5 * minuteMs,
      ...bucket,
    })),
  ).flat()
}

/** Points of a node in the hour before. */
export async function countOf(series: Series, nodeId: string, startMs: number): Promise<number> {
  const buckets = await cpuOf(series, nodeId, startMs - hourMs, startMs)
  return buckets.reduce((sum, { count }) => sum + count, 0)
}
