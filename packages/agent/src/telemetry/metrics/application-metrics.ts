import { ApiError, type ApplicationMetrics, type MetricPoint, metricGroups } from '@plexd/protocol'
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
    charge(
      user,
      points.reduce((sum, { data }) => sum + Object.keys(data).length, 0),
    )
    const now = new Date(clock.now()).toISOString()
    await append(points.map((point) => ({ timestamp: now, ...point })))
    return points.length
  }
}

/** Also the names under which Go nodes send theirs, and those of scrapes. */
function isTaken(group: string): boolean {
  return (
    group in metricGroups ||
    ['system', 'tunnel', 'latency', 'plexd'].includes(group) ||
    group.startsWith('scrape.')
  )
}
