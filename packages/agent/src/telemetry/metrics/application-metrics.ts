import {
  ApiError,
  type ApplicationMetrics,
  fieldNameForm,
  formatFieldName,
  type MetricPoint,
  metricGroups,
  readFieldName,
} from '@plexd/protocol'
import { type Clock, createTokenBuckets } from '@plexd/runtime'

export interface ApplicationMetricsOptions {
  append(points: readonly MetricPoint[]): Promise<unknown>
  /** Values that a user may send in a second; a minute's worth at once. */
  valuesPerSecond: number
  clock: Clock
}

/**
 * Takes the metrics of local programs; `user` is who is charged. Resolves to the number of points when they are on the disk.
 * Rejects with an ApiError (400, 429).
 */
export type TakeMetrics = (body: ApplicationMetrics, user: string) => Promise<number>

const burstMs = 60_000
/** Of a point. One is sent whole, with room to spare below what the control plane takes of a record. */
const maxBytes = 64 * 1024
/** A value whose name is longer counts as several. */
const bytesPerValue = 256

export function createApplicationMetrics(options: ApplicationMetricsOptions): TakeMetrics {
  const { append, valuesPerSecond, clock } = options
  const buckets = createTokenBuckets<string>(clock.monotonic)

  function charge(user: string, values: number): void {
    const missingMs = buckets.missingMs(user)
    if (missingMs >= burstMs)
      throw new ApiError(
        'too_many_requests',
        `more than ${valuesPerSecond} values a second (limit local_metric_values_per_second): wait and send it again`,
        { retryAfterSeconds: Math.ceil((missingMs - burstMs) / 1_000) + 1 },
      )
    buckets.take(user, (values * 1_000) / valuesPerSecond)
  }

  return async ({ points }, user) => {
    for (const [index, { group }] of points.entries())
      if (isTaken(group))
        throw new ApiError(
          'bad_request',
          `points[${index}].group: "${group}" is for metrics of plexd itself: choose another name`,
        )
    const now = new Date(clock.now()).toISOString()
    // Nothing else that a program sends: it may not speak of gaps, for one.
    const own = points.map(({ timestamp = now, group, data }, index) => ({
      timestamp,
      group,
      data: namedData(data, `points[${index}].data`),
    }))
    charge(
      user,
      own.reduce((sum, point, index) => sum + valuesOf(point, index), 0),
    )
    await append(own)
    return points.length
  }
}

/** Under the names by which they can be asked for. Throws an ApiError (400) for a name that is none, or two that are the same. */
function namedData(data: Readonly<Record<string, number>>, where: string): Record<string, number> {
  const named = new Map<string, number>()
  for (const [given, value] of Object.entries(data)) {
    const read = readFieldName(given)
    const shown = JSON.stringify(given.slice(0, 100))
    if ('fault' in read)
      throw new ApiError(
        'bad_request',
        `${where}: ${shown} is no name of a metric: ${read.fault}: want ${fieldNameForm}`,
      )
    const name = formatFieldName(read)
    if (named.has(name))
      throw new ApiError('bad_request', `${where}: ${shown} is there twice: send it once`)
    named.set(name, value)
  }
  return Object.fromEntries(named)
}

/** So much is charged for it. Throws an ApiError if it is too large. */
function valuesOf(point: MetricPoint, index: number): number {
  const bytes = Buffer.byteLength(JSON.stringify(point))
  if (bytes > maxBytes)
    throw new ApiError(
      'bad_request',
      `points[${index}] has ${bytes} bytes: it may have ${maxBytes}: make several of it`,
    )
  return Math.max(Object.keys(point.data).length, Math.ceil(bytes / bytesPerValue))
}

/** Also the names under which Go nodes send theirs, and those of scrapes. */
function isTaken(group: string): boolean {
  return (
    Object.hasOwn(metricGroups, group) ||
    ['system', 'tunnel', 'latency', 'plexd'].includes(group) ||
    group.startsWith('scrape.')
  )
}
