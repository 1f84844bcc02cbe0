import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ServiceProbe } from '@plexd/runtime'
import type { RunningApp } from '../app.ts'
import { asBalancer } from '../http/connections/proxies/local-request.ts'

interface Serving {
  app: Pick<RunningApp, 'config' | 'fleet' | 'reloads' | 'streams'>
  url: string
  address: AddressInfo
}

/**
 * Asks the control plane whether it is alive: by its port until that has answered once, then by the socket of operators, if
 * there is one, which answers also when strangers have filled the port. One that waits for another to end is well, too, whatever of
 * its doors is open meanwhile: its service has started.
 */
export function probeControlPlane(
  serving: () => Serving | undefined,
  waiting: () => string | undefined,
): ServiceProbe {
  let hasAnswered = false
  return async (signal) => {
    const plane = serving()
    const words = waiting()
    if (!plane && words !== undefined) return words
    if (!plane) throw new Error('it is starting')
    const { adminSocket } = plane.app.config
    if (hasAnswered && adminSocket !== undefined) await ask({ socketPath: adminSocket, signal })
    else await askPort(plane, signal)
    hasAnswered = true
    return describe(plane)
  }
}

function describe({ app: { fleet, reloads, streams }, url }: Serving): string {
  const { needsRestart, error } = reloads
  const facts = [
    `serving ${url}, ${fleet.nodeCount()} nodes, ${streams.count()} event streams`,
    ...(needsRestart.length === 0 ? [] : [`the next start changes ${needsRestart.join(' ')}`]),
    ...(error === undefined ? [] : [`the settings could not be read again: ${error}`]),
  ]
  return facts.join(', ')
}

async function askPort({ app: { config }, address }: Serving, signal: AbortSignal): Promise<void> {
  const { insecureHttp, proxyProtocolFrom } = config
  const way = asBalancer(proxyProtocolFrom, { isTls: !insecureHttp, timeoutMs })
  const options = { host: hereOf(address.address), port: address.port, signal, ...way }
  if (insecureHttp) return ask(options)
  // Whether the certificate is one for this address is no question here: it is ourselves, and told nothing.
  return ask({ ...options, rejectUnauthorized: false }, https)
}

/** No longer than whoever asks would wait anyway. */
const timeoutMs = 10_000

function hereOf(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}

/** Whatever it answers, it answers; on a connection of its own, as that of a stranger would be. */
async function ask(
  options: https.RequestOptions,
  client: typeof http | typeof https = http,
): Promise<void> {
  const request = client.request({ agent: false, ...options, path: '/healthz' })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
}
