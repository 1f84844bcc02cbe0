import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { expositionType } from '@plexd/protocol'
import { type Clock, createBackoff, describeError } from '@plexd/runtime'
import type { Problems } from '../../health/problems.ts'
import { startTask } from '../../process/task.ts'

export interface MetricsListenerOptions {
  /** `ADDRESS:PORT`; the address may be one of the mesh, which comes later. */
  listen: string
  text(): Promise<string>
  problems: Pick<Problems, 'set'>
  /** So long a client may take to ask, and to read; 5 s. */
  patienceMs?: number
  clock: Clock
}

/** A Prometheus server opens one connection, or two. */
const maxConnections = 16

/** Serves `GET /metrics` to who may reach the address, which is for the policies of the mesh to say. Tries again until it can listen. */
export function startMetricsListener({
  listen,
  text,
  problems,
  patienceMs = 5_000,
  clock,
}: MetricsListenerOptions): AsyncDisposable {
  const backoff = createBackoff({ minMs: 1_000, maxMs: 60_000 })
  return startTask(async (signal) => {
    for (;;) {
      try {
        using server = await open(listen, text, patienceMs)
        problems.set('metrics listener', undefined)
        backoff.reset()
        await Promise.race([once(server, 'error', { signal }), once(server, 'close', { signal })])
      } catch (error) {
        signal.throwIfAborted()
        problems.set(
          'metrics listener',
          `metrics are not served at "${listen}" (observe.listen): ${describeError(error)}`,
        )
      }
      await clock.sleep(backoff.nextMs(), signal)
    }
  })
}

async function open(
  listen: string,
  text: () => Promise<string>,
  patienceMs: number,
): Promise<Server & Disposable> {
  const { hostname, port } = new URL(`http://${listen}`)
  // Node looks for those who are late every 30 s unless it is told otherwise, and a few of them keep everybody else out.
  const connectionsCheckingInterval = patienceMs / 5
  const server = createServer({ connectionsCheckingInterval }, (request, response) => {
    const path = request.url?.split('?')[0]
    if (request.method !== 'GET' || path !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('metrics are at /metrics\n')
      return
    }
    text().then(
      (body) => response.writeHead(200, { 'content-type': expositionType }).end(body),
      (error: unknown) =>
        response.writeHead(503, { 'content-type': 'text/plain' }).end(`${describeError(error)}\n`),
    )
  })
  server.maxConnections = maxConnections
  server.headersTimeout = patienceMs
  server.requestTimeout = patienceMs
  server.timeout = patienceMs
  server.listen({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port === '' ? 80 : port) })
  await once(server, 'listening')
  return Object.assign(server, {
    [Symbol.dispose]() {
      server.closeAllConnections()
      server.close()
    },
  })
}
