import type { MetricPoint, PeerStatus } from '@plexd/protocol'
import { type Clock, describeError, handOver, type Log, withJitter } from '@plexd/runtime'
import type { OpenPing } from '../../path/ping-socket.ts'
import { startTask } from '../../process/task.ts'
import { type AgentFacts, createAgentStats } from './agent-stats.ts'
import { createNodeResources } from './node-resources.ts'
import { createRoundTrips } from './round-trips.ts'
import { peerLatency, tunnelHealth } from './tunnel-health.ts'

export interface SamplerOptions {
  dataDir: string
  meshInterface: string
  intervalMs: number
  facts(): AgentFacts
  /** Those that ever had a handshake. Rejects while WireGuard does not answer; then there is no point of a peer. */
  peers(): Promise<readonly PeerStatus[]>
  /** Absent where there is no mesh. */
  openPing?: OpenPing
  append(points: readonly MetricPoint[]): Promise<unknown>
  /** Where Linux tells of itself; for tests. */
  proc?: string
  clock: Clock
  log: Log
}

export interface Sampler extends AsyncDisposable {
  /** The points of the last round, for `GET /metrics`. */
  latest(): readonly MetricPoint[]
  /** Measures at once, when nobody has yet. */
  sampleNow(): Promise<readonly MetricPoint[]>
}

/** Measures at each interval. What cannot be measured is left out, and spoils nothing else. */
export async function startSampler(options: SamplerOptions): Promise<Sampler> {
  const { facts, intervalMs, append, clock, log } = options
  await using stack = new AsyncDisposableStack()
  const resources = createNodeResources(options)
  const stats = stack.use(createAgentStats(facts))
  const trips =
    options.openPing && stack.use(createRoundTrips({ ...options, open: options.openPing }))
  let latest: readonly MetricPoint[] = []
  await resources()

  async function resourcePoints(): Promise<Omit<MetricPoint, 'timestamp'>[]> {
    return [{ group: 'node_resources', data: await resources() }]
  }

  /** Async, because it throws at once: that would cost the other groups as well. */
  async function statsPoints(): Promise<Omit<MetricPoint, 'timestamp'>[]> {
    return [{ group: 'agent_stats', data: stats.read() }]
  }

  async function peerPoints(): Promise<Omit<MetricPoint, 'timestamp'>[]> {
    const peers = await options.peers()
    await trips?.round(peers)
    const pathOf = (id: string) => trips?.of(id)
    return [
      ...tunnelHealth(peers, pathOf, clock.now()).map(inGroup('tunnel_health')),
      ...peerLatency(peers, pathOf).map(inGroup('peer_latency')),
    ]
  }

  async function sample(): Promise<readonly MetricPoint[]> {
    const timestamp = new Date(clock.now()).toISOString()
    const readings = await Promise.allSettled([resourcePoints(), statsPoints(), peerPoints()])
    latest = readings.flatMap((reading) => {
      if (reading.status === 'fulfilled')
        return reading.value.map((point) => ({ timestamp, ...point }))
      log.debug('some metrics cannot be measured', { error: describeError(reading.reason) })
      return []
    })
    return latest
  }

  stack.use(
    startTask(async (signal) => {
      for (;;) {
        await clock.sleep(withJitter(intervalMs, 0.1), signal)
        try {
          await append(await sample())
        } catch (error) {
          log.warn('metrics are lost', { error: describeError(error) })
        }
      }
    }),
  )
  return {
    latest: () => latest,
    sampleNow: async () => (latest.length > 0 ? latest : sample()),
    [Symbol.asyncDispose]: handOver(stack),
  }
}

function inGroup<Point>(group: string): (point: Point) => Point & { group: string } {
  return (point) => ({ group, ...point })
}
