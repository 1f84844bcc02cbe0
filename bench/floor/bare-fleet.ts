import { setTimeout as delay } from 'node:timers/promises'
import { formatEvent } from '@plexd/protocol'
import { noLife } from '../fleet/fleet.ts'
import { addressOf } from '../fleet/http/connection.ts'
import { createRequests } from '../fleet/http/requests.ts'
import type { Plane } from '../fleet/plane.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'
import type { LiveOptions } from '../fleet/worker/worker-api.ts'
import { startWorkers } from '../fleet/workers.ts'
import { cpuMsOf, memoryOf } from '../process-usage.ts'
import { type Quantiles, quantiles } from '../quantiles.ts'
import { startServer } from './server.ts'

/** The same agents, connected to a server that does as little as possible: what they and TLS cost by themselves. */
export interface BareFleet extends AsyncDisposable {
  /** Streams opened in a second, 64 at a time. */
  readonly opensPerSecond: number
  /** Memory of the server for each stream, all in. */
  bytesPerStream(): number
  /** Milliseconds until the last stream has had an event with so many bytes of payload, over some rounds. */
  broadcasts(options: { rounds: number; bytes?: number }): Promise<Quantiles>
  /** CPU of the server while its agents live for some time, as a percentage of one core. */
  idleCpu(options: { seconds: number; life: LiveOptions }): Promise<number>
  /** Requests over so many connections: how many in a second, and what each costs the server. */
  flood(options: { seconds: number; connections: number }): Promise<BareFlood>
}

export interface BareFlood {
  perSecond: number
  cpuMs: number
}

/** With the certificate of a control plane of our own. */
export async function startBareFleet({ own, ca }: Plane, agents: number): Promise<BareFleet> {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startServer('bare-server.ts', [own?.dataDir ?? '']))
  const [, url = ''] = /listening on (\S+)/.exec(server.line) ?? []
  const requests = stack.use(createRequests(addressOf(url, ca), 1))
  const { each, told } = stack.use(await startWorkers({ url, ca, agents, connections: 64 }))
  const among = Array.from({ length: agents }, (_, index) => index)
  await each((worker) => worker.pretend())
  const startMs = monotonicMs()
  await each((worker) => worker.open())
  const opensPerSecond = (agents * 1_000) / (monotonicMs() - startMs)
  const opened = stack.move()
  let sent = 0

  async function broadcast(bytes: number): Promise<number> {
    const text = `bare-${++sent}`
    const body = blockOf(sent, text, bytes)
    const times = await told({ type: 'peer_endpoint_changed', text, among }, () =>
      requests.send({ method: 'POST', path: '/broadcast', body }),
    )
    return quantiles(times).max
  }

  return {
    opensPerSecond,
    bytesPerStream: () => memoryOf(server.pid, 'VmRSS') / agents,
    async broadcasts({ rounds, bytes = 600 }) {
      const times: number[] = []
      for (let round = 0; round < Math.min(rounds, 50) + warmUp; round++)
        times.push(await broadcast(bytes))
      return quantiles(times.slice(warmUp))
    },
    async idleCpu({ seconds, life }) {
      await each((worker) => worker.live(life))
      const beforeMs = cpuMsOf(server.pid)
      await delay(seconds * 1_000)
      const usedMs = cpuMsOf(server.pid) - beforeMs
      await each((worker) => worker.live(noLife))
      return usedMs / seconds / 10
    },
    async flood({ seconds, connections }) {
      const path = '/v1/nodes/{node_id}/heartbeat'
      const order = { kind: 'bare', method: 'POST', path, body: '{"status":"healthy"}' }
      const beforeMs = cpuMsOf(server.pid)
      const floods = await each((worker) => worker.flood({ ...order, seconds, connections }))
      const count = floods.reduce((sum, flood) => sum + flood.count, 0)
      return {
        perSecond: floods.reduce((sum, flood) => sum + (flood.count * 1_000) / flood.ms, 0),
        cpuMs: (cpuMsOf(server.pid) - beforeMs) / count,
      }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const warmUp = 5

function blockOf(seq: number, text: string, bytes: number): string {
  // Cut into parts because of the longest line that a stream may have.
  const parts = Array(Math.ceil(bytes / 600)).fill('x'.repeat(600))
  const data = JSON.stringify({ event_id: text, payload: { endpoint: text }, parts })
  return formatEvent({ id: `bare-${seq}`, event: 'peer_endpoint_changed', data })
}
