import { createDecipheriv } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import { gunzipSync, gzipSync } from 'node:zlib'
import { readCa } from '@plexd/runtime'
import { type GoType, goDecode, goEncode } from './go-json.ts'
import {
  type GoState,
  goHeartbeatResponse,
  goRegisterResponse,
  goSecret,
  goState,
} from './go-types.ts'
import { createGoVerifier, type GoVerifier } from './go-verifier.ts'

export const goUserAgent = 'plexd/dev'

/** Speaks as the public Go agent does (wire contract 0.3, 1 and 2). A status of 400 or above rejects. */
export interface GoClient extends Disposable {
  readonly nodeId: string
  /** The bearer token of all calls after the registration is the NSK itself. */
  readonly nsk: string
  readonly signingKey: string
  /** Lives as long as the process does: keys that came by an event, and nonces that were seen. */
  readonly verifier: GoVerifier
  readonly meshIp: string
  heartbeat(): Promise<{ reconcile: boolean; rotate_keys: boolean }>
  state(): Promise<GoState>
  drift(corrections: readonly { type: string; detail: string }[]): Promise<void>
  /** Fetched and decrypted. */
  secret(key: string): Promise<string>
  report(batch: {
    entries: readonly object[] | null
    deleted: readonly string[] | null
  }): Promise<void>
  ack(executionId: string, body: object): Promise<void>
  result(executionId: string, body: object): Promise<void>
  /** An array, as application/json. */
  send(kind: 'metrics' | 'logs' | 'audit', records: readonly object[]): Promise<void>
  deregister(): Promise<void>
  /** Any exchange with the agent's headers, with the answer as it came. */
  exchange(request: GoRequest): Promise<GoAnswer>
  /** The path of the node with what is behind it. */
  path(rest: string): string
}

export interface GoRequest {
  method: string
  /** Encoded. */
  path: string
  body?: unknown
  token?: string
}

export interface GoAnswer {
  status: number
  headers: IncomingMessage['headers']
  /** After gunzip. */
  text: string
}

export class GoApiError extends Error {
  readonly status: number
  constructor({ status, text }: GoAnswer) {
    super(`HTTP ${status}: ${text.slice(0, 4_096)}`)
    this.status = status
  }
}

export interface GoServer {
  url: string
  caFile: string
}

/** Registers as `plexd up` does: token, key and hostname, no capabilities, the token as bearer too. */
export async function registerGoClient(
  server: GoServer,
  request: { token: string; public_key: string; hostname: string },
): Promise<GoClient> {
  const exchange = createExchange(server)
  const answer = await exchange.send({
    method: 'POST',
    path: '/v1/register',
    body: request,
    token: request.token,
  })
  if (answer.status > 299) {
    exchange[Symbol.dispose]()
    throw new GoApiError(answer)
  }
  const given = goDecode(goRegisterResponse, answer.text) as {
    node_id: string
    mesh_ip: string
    signing_public_key: string
    node_secret_key: string
  } // decoded into that struct
  const path = (rest: string): string => `/v1/nodes/${encodeURIComponent(given.node_id)}${rest}`
  const { node_secret_key: nsk } = given

  async function send(method: string, rest: string, body?: unknown): Promise<GoAnswer> {
    const got = await exchange.send({ method, path: path(rest), body, token: nsk })
    if (got.status > 299) throw new GoApiError(got)
    return got
  }

  /** Go decodes a body only where it wants a result, and then there has to be one. */
  async function ask<Result>(
    method: string,
    rest: string,
    { body, result }: { body?: unknown; result: GoType },
  ): Promise<Result> {
    const { text } = await send(method, rest, body)
    if (text === '') throw new Error('decode response: EOF')
    return goDecode(result, text) as Result // decoded into that struct
  }

  return {
    nodeId: given.node_id,
    meshIp: given.mesh_ip,
    signingKey: given.signing_public_key,
    verifier: createGoVerifier({ current: given.signing_public_key }),
    nsk,
    path,
    exchange: exchange.send,
    heartbeat: () =>
      ask('POST', '/heartbeat', { body: zeroHeartbeat, result: goHeartbeatResponse }),
    state: () => ask('GET', '/state', { result: goState }),
    async drift(corrections) {
      await send('POST', '/drift', { timestamp: localTime(), corrections })
    },
    async secret(key) {
      const rest = `/secrets/${encodeURIComponent(key)}`
      return decrypt(nsk, await ask('GET', rest, { result: goSecret }))
    },
    async report(batch) {
      await send('POST', '/report', batch)
    },
    async ack(id, body) {
      await send('POST', `/executions/${encodeURIComponent(id)}/ack`, body)
    },
    async result(id, body) {
      await send('POST', `/executions/${encodeURIComponent(id)}/result`, body)
    },
    async send(kind, records) {
      await send('POST', `/${kind}`, records)
    },
    async deregister() {
      await send('POST', '/deregister')
    },
    [Symbol.dispose]: exchange[Symbol.dispose],
  }
}

/** What every heartbeat of the Go agent is. */
const zeroHeartbeat = {
  node_id: '',
  timestamp: '0001-01-01T00:00:00Z',
  status: '',
  uptime: '',
  binary_checksum: '',
}

/** RFC3339Nano in a local zone. */
export function localTime(timeMs = Date.now()): string {
  return new Date(timeMs + 3_600_000).toISOString().replace('Z', '456789+01:00')
}

/** The NSK is used byte for byte; Go never decodes it. */
function decrypt(
  nsk: string,
  { ciphertext, nonce }: { ciphertext: string; nonce: string },
): string {
  const key = Buffer.from(nsk, 'latin1')
  if (key.length !== 32) throw new Error(`decryption failed: key of ${key.length} bytes`)
  const bytes = Buffer.from(ciphertext, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64'))
  decipher.setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString('utf8')
}

const gzipOverBytes = 1_024

function createExchange({ url, caFile }: GoServer) {
  const agent = new https.Agent({ keepAlive: true, ca: readCa(caFile), ALPNProtocols: [] })
  return {
    async send({ method, path, body, token }: GoRequest): Promise<GoAnswer> {
      const json = body === undefined ? undefined : Buffer.from(goEncode(body))
      const zipped = json && json.length > gzipOverBytes
      const bytes = zipped ? gzipSync(json) : json
      const request = https.request(url + path, {
        method,
        agent,
        headers: {
          accept: 'application/json',
          'accept-encoding': 'gzip',
          'user-agent': goUserAgent,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(json ? { 'content-type': 'application/json' } : {}),
          ...(zipped ? { 'content-encoding': 'gzip' } : {}),
          // A POST without a body has Content-Length: 0 and no Content-Type.
          ...(method === 'GET' ? {} : { 'content-length': String(bytes?.length ?? 0) }),
        },
      })
      request.end(bytes)
      const [response] = (await once(request, 'response')) as [IncomingMessage] // as Node documents it
      const chunks = await Array.fromAsync(response as AsyncIterable<Buffer>)
      const received = Buffer.concat(chunks)
      const packed = response.headers['content-encoding']?.toLowerCase() === 'gzip'
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: (packed ? gunzipSync(received) : received).toString('utf8'),
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}
