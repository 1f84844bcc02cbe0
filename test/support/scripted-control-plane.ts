import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { issuedAt, type NodeState, newNsk, signEvent, type UnsignedEvent } from '@plexd/protocol'
import { authority, serverCertificate, serverKey } from '@plexd/runtime/testing'

/** Answers one request; what it does not send is for the caller to see. */
export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void

/** A control plane for one agent that says whatever a test wants. */
export interface ScriptedControlPlane extends AsyncDisposable {
  readonly url: string
  readonly caFile: string
  readonly nodeId: string
  readonly nsk: string
  /** What GET /state says, until `answers` says otherwise. */
  state: NodeState
  /** Instead of the usual answers: by what the path ends with, as `/state`. */
  readonly answers: Map<string, Answer>
  /** Method and path of each request but those for the stream. */
  readonly requests: { at: number; what: string }[]
  /** The Last-Event-ID of each connection to the event stream, with when it came. */
  readonly connects: { at: number; lastEventId: string | undefined }[]
  /** Whether a stream is open. */
  isConnected(): boolean
  /** Anything, on the open stream. */
  write(text: string | Uint8Array): void
  endStream(): void
  /** The text of an envelope with a good signature, but for what is given. */
  envelope(event: Partial<UnsignedEvent> & { event_type: string }, key?: KeyObject): Promise<string>
  /** A good event, sent as a block of its own, whose id it gives. */
  send(event: Partial<UnsignedEvent> & { event_type: string }): Promise<string>
}

/** Listens on 127.0.0.1 with the certificate that is for tests; `folder` takes the CA file. */
export async function startScriptedControlPlane(folder: string): Promise<ScriptedControlPlane> {
  const caFile = join(folder, 'scripted-ca.crt')
  await writeFile(caFile, authority)
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const current = rawPublicKey(publicKey)
  const nsk = newNsk('base64')
  const nodeId = 'n_scripted'
  const answers = new Map<string, Answer>()
  const requests: ScriptedControlPlane['requests'] = []
  const connects: ScriptedControlPlane['connects'] = []
  let stream: ServerResponse | undefined
  let sequence = 0

  const usual: [RegExp, Answer][] = [
    [/\/v1\/register$/, (_, response) => sendJson(response, 201, identity)],
    [/\/state$/, (_, response) => sendJson(response, 200, scripted.state)],
    [/\/events$/, (_, response) => openStream(response)],
    [/./, (_, response) => sendJson(response, 200, {})],
  ]
  const identity = {
    node_id: nodeId,
    mesh_ip: '10.100.0.1',
    signing_public_key: current,
    node_secret_key: nsk,
    node_token: 'plx_node_scripted',
    peers: [],
  }

  function openStream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n')
    stream = response
    response.on('close', () => {
      if (stream === response) stream = undefined
    })
  }

  const server = https.createServer(
    { cert: serverCertificate, key: serverKey },
    (request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      request.on('end', () => {
        const [path = ''] = (request.url ?? '').split('?')
        const at = performance.now()
        const lastEventId = request.headers['last-event-id']
        if (path.endsWith('/events')) connects.push({ at, lastEventId: lastEventId?.toString() })
        else requests.push({ at, what: `${request.method} ${path}` })
        const [, own] = [...answers].find(([end]) => path.endsWith(end)) ?? []
        const [, common] = usual.find(([pattern]) => pattern.test(path)) ?? []
        const answer = own ?? common
        answer?.(request, response, body)
      })
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP

  async function envelope(
    event: Partial<UnsignedEvent> & { event_type: string },
    key = privateKey,
  ): Promise<string> {
    const whole = {
      event_id: `evt_${crypto.randomUUID()}`,
      issued_at: issuedAt(Date.now()),
      nonce: crypto.randomUUID(),
      payload: '{}',
      ...event,
    }
    return signEvent(whole, await webKey(key))
  }

  const scripted: ScriptedControlPlane = {
    url: `https://127.0.0.1:${port}`,
    caFile,
    nodeId,
    nsk,
    state: {
      peers: [],
      policies: [],
      signing_keys: { current },
      metadata: { role: 'web' },
      data: [],
      secret_refs: [],
    },
    answers,
    requests,
    connects,
    isConnected: () => stream !== undefined,
    write: (text) => {
      stream?.write(text)
    },
    endStream: () => {
      stream?.end()
    },
    envelope,
    async send(event) {
      sequence++
      const id = `e-${sequence}`
      stream?.write(block(id, event.event_type, await envelope(event)))
      return id
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return scripted
}

/** One block of the stream. */
export function block(id: string, event: string, data: string): string {
  return `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** A signing key that nobody trusts. */
export function strangersKey(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey
}

function rawPublicKey(key: KeyObject): string {
  const { x = '' } = key.export({ format: 'jwk' })
  return Buffer.from(x, 'base64url').toString('base64')
}

function webKey(key: KeyObject): Promise<CryptoKey> {
  return crypto.subtle.importKey(
    'pkcs8',
    key.export({ format: 'der', type: 'pkcs8' }),
    'Ed25519',
    false,
    ['sign'],
  )
}
