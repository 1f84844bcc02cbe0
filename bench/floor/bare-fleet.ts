import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatEvent } from '@plexd/protocol'
import { addressOf } from '../fleet/http/connection.ts'
import { createRequests } from '../fleet/http/requests.ts'
import type { Plane } from '../fleet/plane.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'
import { startWorkerProcess } from '../fleet/worker-process.ts'
import { quantiles } from '../quantiles.ts'

/** The same agents on the least of all servers: what they and TLS cost by themselves. */
export interface BareFleet extends AsyncDisposable {
  /** Streams opened in a second, 64 at a time. */
  readonly opensPerSecond: number
  /** Memory of the server for each stream, all in. */
  bytesPerStream(): number
  /** Milliseconds until the last stream has had an event with so many bytes of payload. */
  broadcast(bytes: number): Promise<number>
  /** Requests in a second over so many connections, and the time of one in milliseconds. */
  flood(options: {
    seconds: number
    connections: number
  }): Promise<{ perSecond: number; p99: number }>
}

/** With the certificate of a control plane of our own. */
export async function startBareFleet(
  plane: Plane,
  { agents, workers }: { agents: number; workers: number },
): Promise<BareFleet> {
  await using stack = new AsyncDisposableStack()
  const server = await startBareServer(plane.own?.dataDir ?? '')
  stack.use(server)
  const requests = stack.use(createRequests(addressOf(server.url, plane.ca), 1))
  const share = Math.ceil(agents / workers)
  const processes = Array.from({ length: workers }, () => stack.use(startWorkerProcess()))
  for (const [index, { api }] of processes.entries()) {
    const first = index * share
    const count = Math.min(share, agents - first)
    await api.setup({ url: server.url, ca: plane.ca, first, count, connections: 64, resume: false })
    await api.pretend()
  }
  const startMs = monotonicMs()
  await Promise.all(processes.map(({ api }) => api.open({ concurrency: 64 })))
  const opensPerSecond = (agents * 1_000) / (monotonicMs() - startMs)
  const opened = stack.move()
  let sent = 0
  return {
    opensPerSecond,
    bytesPerStream: () => server.rssBytes() / agents,
    async broadcast(bytes) {
      const text = `bare-${++sent}`
      const seen = processes.map(({ api }, index) => {
        const want = Math.min(share, agents - index * share)
        return api.watch({ type: 'peer_endpoint_changed', text, want, timeoutMs: 60_000 })
      })
      await Promise.all(processes.map(({ api }) => api.progress({ sinceMs: 0 })))
      const startMs = monotonicMs()
      await requests.send({ method: 'POST', path: '/broadcast', body: blockOf(sent, text, bytes) })
      const times = (await Promise.all(seen)).flatMap((sighting) => sighting.times)
      return times.reduce((last, ms) => Math.max(last, ms), 0) - startMs
    },
    async flood({ seconds, connections }) {
      const [first] = processes
      if (!first) throw new Error('flood: there is no worker')
      const body = '{"status":"healthy"}'
      const { count, ms } = await first.api.flood({
        kind: 'bare',
        method: 'POST',
        path: '/v1/nodes/{node_id}/heartbeat',
        body,
        seconds,
        connections,
      })
      const { p99 } = answersOf([(await first.api.take()).tally], 'bare')
      return { perSecond: (count * 1_000) / ms, p99 }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const warmUp = 5

/** How long the same broadcast takes the least of all servers. */
export async function measureBroadcasts(
  plane: Plane,
  { agents, rounds, bytes = 600 }: { agents: number; rounds: number; bytes?: number },
): Promise<ReturnType<typeof quantiles>> {
  await using bare = await startBareFleet(plane, { agents, workers: agents > 5_000 ? 2 : 1 })
  const times: number[] = []
  for (let round = 0; round < Math.min(rounds, 50) + warmUp; round++)
    times.push(await bare.broadcast(bytes))
  return quantiles(times.slice(warmUp))
}

function blockOf(seq: number, text: string, bytes: number): string {
  // More than one line of a stream can hold is split between these.
  const parts = Array(Math.ceil(bytes / 600)).fill('x'.repeat(600))
  const data = JSON.stringify({ event_id: text, payload: { endpoint: text }, parts })
  return formatEvent({ id: `bare-${seq}`, event: 'peer_endpoint_changed', data })
}

async function startBareServer(dataDir: string) {
  const child = fork(join(import.meta.dirname, 'bare-server.ts'), [dataDir], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    detached: true,
  })
  const [text] = (await once(child.stdout ?? child, 'data')) as [Buffer] // its one line
  const [, url = ''] = /listening on (\S+)/.exec(text.toString()) ?? []
  const ended = once(child, 'exit')
  return {
    url,
    rssBytes: () => residentBytes(child.pid ?? 0),
    async [Symbol.asyncDispose]() {
      child.disconnect()
      await ended
    },
  }
}

function residentBytes(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) * 1_024
}
