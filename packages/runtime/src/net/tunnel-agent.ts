import { once } from 'node:events'
import https from 'node:https'
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { stepError, stepMs as usualStepMs } from './connecting.ts'
import { percentDecoded } from './percent.ts'
import { showProxy } from './proxy.ts'
import { trustSystem } from './trust.ts'

export interface Tunnel {
  /** `http://[user:password@]host:port`, or `https://`. */
  proxyUrl: string
  lookup?: LookupFunction | undefined
  /** For connecting to the proxy, for its answer, and for TLS through it, each. */
  stepMs?: number | undefined
}

/**
 * Connections to HTTPS servers through a proxy (CONNECT, RFC 9110 section 9.3.6). Node's own wait forever for TLS
 * through the proxy, and a request cannot be aborted before that. Here each step has a timeout and its own error.
 */
export class TunnelAgent extends https.Agent {
  readonly #tunnel: Tunnel

  constructor(options: https.AgentOptions, tunnel: Tunnel) {
    super(options)
    this.#tunnel = tunnel
    if (tunnel.proxyUrl.startsWith('https:')) trustSystem()
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    // After an error there is no stream.
    const done = callback as (error: Error | null, stream?: Duplex) => void
    openTunnel(options, this.#tunnel).then((socket) => done(null, socket), done)
  }
}

async function openTunnel(target: https.RequestOptions, tunnel: Tunnel): Promise<Socket> {
  const { proxyUrl, stepMs = usualStepMs } = tunnel
  const host = target.host ?? ''
  const { port } = target
  const place = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
  const shown = showProxy(proxyUrl)
  const toProxy = connectToProxy(tunnel)
  toProxy.on('error', () => {}) // the waiting caller gets it
  const isSecure = proxyUrl.startsWith('https:')
  await inStep(toProxy, stepMs, `no connection to the proxy ${shown}`, async (signal) => {
    await once(toProxy, isSecure ? 'secureConnect' : 'connect', { signal })
  })
  await inStep(toProxy, stepMs, `no answer of the proxy ${shown}`, async (signal) => {
    toProxy.write(connectLines(place, proxyUrl))
    checkAnswer(await readHead(toProxy, signal), `way to ${place} by the proxy ${shown}`)
  })
  const servername = target.servername || (isIP(host) ? '' : host)
  const socket = connectTls({ ...target, servername, socket: toProxy } as object)
  const hung = `no answer to the TLS handshake of ${place} by the proxy ${shown}`
  await inStep(socket, stepMs, hung, async (signal) => {
    await once(socket, 'secureConnect', { signal })
  })
  return socket
}

function connectToProxy({ proxyUrl, lookup }: Tunnel): Socket {
  const { protocol, hostname, port } = new URL(proxyUrl)
  const isSecure = protocol === 'https:'
  const host = hostname.replace(/^\[|\]$/g, '')
  const place = { host, port: Number(port || (isSecure ? 443 : 80)), ...(lookup && { lookup }) }
  if (!isSecure) return connectTcp(place)
  return connectTls({ ...place, ...(isIP(host) ? {} : { servername: host }) })
}

/** Closes everything of a connection that cannot be completed. */
async function inStep(
  socket: Socket,
  stepMs: number,
  what: string,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), stepMs)
  try {
    await work(late.signal)
  } catch (error) {
    socket.destroy()
    throw late.signal.aborted ? stepError(what, stepMs) : error
  } finally {
    clearTimeout(timer)
  }
}

function connectLines(place: string, proxyUrl: string): string {
  const { username, password } = new URL(proxyUrl)
  const user = percentDecoded(`${username}:${password}`)
  const basic = user.toString('base64')
  return [
    `CONNECT ${place} HTTP/1.1`,
    `host: ${place}`,
    ...(username + password === '' ? [] : [`proxy-authorization: Basic ${basic}`]),
    '\r\n',
  ].join('\r\n')
}

const maxHeadBytes = 16 * 1024

/** Reads up to the empty line; nobody sends anything after it before TLS starts. */
async function readHead(socket: Socket, signal: AbortSignal): Promise<string> {
  let head = ''
  while (!head.includes('\r\n\r\n')) {
    const chunk: Buffer | null = socket.read()
    if (chunk) head += chunk.toString('latin1')
    else if (socket.readableEnded || head.length > maxHeadBytes) break
    else await once(socket, 'readable', { signal })
  }
  return head
}

function checkAnswer(head: string, what: string): void {
  const [line = ''] = head.split('\r\n')
  if (/^HTTP\/1\.[01] 2\d\d/.test(line)) return
  const why = line === '' ? 'it hung up' : `it answered "${line.slice(0, 120)}"`
  const advice = / 407 /.test(line) ? ': name user and password in HTTPS_PROXY' : ''
  throw new Error(`no ${what}: ${why}${advice}`)
}
