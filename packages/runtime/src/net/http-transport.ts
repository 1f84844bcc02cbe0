import http from 'node:http'
import https from 'node:https'
import type { LookupFunction } from 'node:net'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Transport, TransportResponse } from '@plexd/protocol'
import { stepError, watchConnecting, watchUnsent, whenGivenUp } from './connecting.ts'
import { percentDecoded } from './percent.ts'
import { readCa, trusting } from './trust.ts'
import { TunnelAgent } from './tunnel-agent.ts'
import { formatAddress, unmapAddress } from './udp/udp-address.ts'

export interface HttpTransportOptions {
  /** `https://host[:port][/prefix]`, `unix:///path` of a socket, or `http://` if the caller allows it. */
  baseUrl: string
  /** PEM file with the CA to trust instead of those of the system. */
  caFile?: string
  /** Trusts whoever answers: for what is checked in another way, and for nothing that is secret. */
  trustsAnybody?: boolean
  userAgent: string
  /** For a whole request; default 30 s. */
  timeoutMs?: number
  /** Resolves the host; default: the system's resolver, for each connection. */
  lookup?: LookupFunction
  /** `http://[user:password@]host:port`, for HTTPS; without it the server is contacted directly. */
  proxyUrl?: string | undefined
  /** For each step of connecting, see watchConnecting. */
  stepMs?: number
  /** Bodies longer than this are sent as gzip, unless they have an encoding; default never. */
  gzipOverBytes?: number
  /** A larger answer is refused; default 64 MiB. */
  maxResponseBytes?: number
}

const defaultMaxResponseBytes = 64 * 1024 * 1024

/** HTTP/1.1 with keep-alive. Disposing closes the connections. */
export interface HttpTransport extends Transport, Disposable {
  /** Closes the connections from other local addresses than these, because no answers arrive at a lost address. */
  keepOnly(localAddresses: ReadonlySet<string>): void
  /** Reloads the CA file for new connections; open ones continue. Throws if it cannot be read. */
  reloadCa(): void
}

export function createHttpTransport(options: HttpTransportOptions): HttpTransport {
  const { secure, prefix, place } = placeOf(options.baseUrl)
  const { caFile, lookup, proxyUrl, trustsAnybody } = options
  const secureOptions = {
    keepAlive: true,
    ...(secure && !trustsAnybody ? trusting(caFile) : {}),
    ...(trustsAnybody ? { rejectUnauthorized: false } : {}),
  }
  const { stepMs } = options
  const secureAgent =
    proxyUrl === undefined
      ? new https.Agent(secureOptions)
      : new TunnelAgent(secureOptions, { proxyUrl, lookup, stepMs })
  const agent = secure ? secureAgent : new http.Agent({ keepAlive: true })

  const send: Transport = async ({ method, path, headers, body, signal }) => {
    const isPacked = headers['content-encoding'] !== undefined
    const packed = await pack(body, isPacked ? undefined : options.gzipOverBytes)
    return within(options.timeoutMs ?? 30_000, signal, (signal) =>
      exchange(
        secure ? https : http,
        {
          method,
          ...place,
          path: prefix + path,
          headers: { 'user-agent': options.userAgent, ...headers, ...packed.headers },
          agent,
          ...(lookup ? { lookup } : {}),
          signal,
        },
        packed.body,
        { stepMs, maxResponseBytes: options.maxResponseBytes },
      ),
    )
  }
  return Object.assign(send, {
    reloadCa() {
      // Each new connection reads the current CA from there.
      if (secure && caFile) secureAgent.options.ca = readCa(caFile)
    },
    keepOnly(localAddresses: ReadonlySet<string>) {
      const sockets = [agent.sockets, agent.freeSockets].flatMap((byHost) => Object.values(byHost))
      for (const socket of sockets.flatMap((some = []) => some)) {
        const { localAddress } = socket
        if (localAddress !== undefined && !localAddresses.has(localAddress))
          socket.destroy(new Error(`the address ${localAddress} was lost`))
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  })
}

/** A parsed base URL: with or without TLS, the path prefix, and the address to connect to. */
export function placeOf(baseUrl: string): {
  secure: boolean
  prefix: string
  place: Pick<http.RequestOptions, 'host' | 'port' | 'socketPath'>
} {
  const { protocol, hostname, port, pathname } = new URL(baseUrl)
  if (protocol === 'unix:')
    return { secure: false, prefix: '', place: { socketPath: percentDecoded(pathname).toString() } }
  const secure = protocol === 'https:'
  const host = hostname.replace(/^\[|\]$/g, '')
  return {
    secure,
    prefix: pathname.replace(/\/$/, ''),
    place: { host, port: port || (secure ? 443 : 80) },
  }
}

/** HTTP over a Unix socket. */
export function createUnixTransport(socketPath: string, timeoutMs = 30_000): Transport {
  return ({ method, path, headers, body, signal }) =>
    within(timeoutMs, signal, (signal) =>
      exchange(http, { method, socketPath, path, headers, signal }, body),
    )
}

/** A timeout whose error says so; for any other abort the caller knows the reason. */
async function within<T>(
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = AbortSignal.timeout(ms)
  const either = signal ? AbortSignal.any([late, signal]) : late
  try {
    return await work(either)
  } catch (error) {
    throw late.aborted && either.reason === late.reason ? stepError('no whole answer', ms) : error
  }
}

function exchange(
  client: typeof http | typeof https,
  options: http.RequestOptions,
  body: string | Uint8Array | undefined,
  {
    stepMs,
    maxResponseBytes,
  }: Pick<HttpTransportOptions, 'stepMs'> & { maxResponseBytes?: number | undefined } = {},
): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    let failure: unknown
    const request = client.request(options, (response) => {
      // From here on send errors do not matter: a server may refuse a body after the head, and close the connection.
      request.off('error', fail).on('error', (error) => {
        failure ??= error
      })
      collectAnswer(response, maxResponseBytes)
        .then(resolve, (error: unknown) => {
          // The request reports the abort, shortly after the answer is cut off.
          setImmediate(() => reject(failure ?? error))
        })
        .finally(() => {
          if (!request.writableFinished) request.destroy()
        })
    })
    const marked = watchUnsent(request)
    const fail = (error: Error): void => reject(marked(error))
    request.on('error', fail)
    whenGivenUp(request, options.signal, fail)
    const { host, port } = options
    // A Unix socket has no connection steps to watch.
    if (host && port) watchConnecting(request, { host, port: Number(port), stepMs })
    request.end(body)
  })
}

/** The whole answer; throws a RangeError if it is too long. */
export async function collectAnswer(
  response: http.IncomingMessage,
  maxResponseBytes = defaultMaxResponseBytes,
): Promise<TransportResponse> {
  const head = headOf(response)
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxResponseBytes) {
      response.destroy()
      throw new RangeError(`read answer: more than ${maxResponseBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return { ...head, body: Buffer.concat(chunks).toString('utf8') }
}

/** An answer without a body. */
export function headOf(response: http.IncomingMessage): Omit<TransportResponse, 'body'> {
  const { remoteAddress: address, remotePort: port } = response.socket
  const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(headers),
    from:
      address === undefined || port === undefined
        ? undefined
        : formatAddress({ address: unmapAddress(address), port }),
  }
}

const gzipAsync = promisify(gzip)

async function pack(
  body: string | Uint8Array | undefined,
  gzipOverBytes = Number.POSITIVE_INFINITY,
): Promise<{ headers: Record<string, string>; body: string | Uint8Array | undefined }> {
  if (body === undefined) return { headers: { 'content-length': '0' }, body }
  const plainBytes = Buffer.byteLength(body)
  if (plainBytes <= gzipOverBytes)
    return { headers: { 'content-length': String(plainBytes) }, body }
  const packed = await gzipAsync(body)
  return {
    headers: { 'content-encoding': 'gzip', 'content-length': String(packed.length) },
    body: packed,
  }
}
