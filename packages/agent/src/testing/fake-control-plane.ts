import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { formatComment, type NodeState, type SigningKeys } from '@plexd/protocol'
import { serve } from '@plexd/runtime/testing'
import { createTestSigner, type TestSigner } from './signer.ts'

export interface Recorded {
  /** `POST /v1/register`. */
  line: string
  /** When it came, of `performance.now()`. */
  atMs: number
  headers: IncomingHttpHeaders
  /** Parsed JSON, undefined for none. */
  body: unknown
}

/** What is answered instead of the usual; nothing for the usual. */
export type Override = (request: Recorded) =>
  | (Answer & {
      /** In place of the JSON of a body. */
      text?: string
      hangUp?: boolean
    })
  | undefined

/**
 * A control plane as the seed describes it, for one node, whose every answer a test may script. Events are kept
 * unsigned and signed anew each time they are sent, as the real one does.
 */
export interface FakeControlPlane extends AsyncDisposable {
  url: string
  readonly nodeId: string
  readonly nodeToken: string
  /** Signs what is sent. Another may take its place, and nobody is told. */
  signer: TestSigner
  state: NodeState
  requests: Recorded[]
  /** Those of one operation, by how its line ends. */
  sent(lineEnd: string): Recorded[]
  override: Override
  /** Changes what GET state answers, at a new revision, and tells nobody. Returns the revision. */
  change(part: Partial<NodeState>): string
  /** Logs an event and sends it to who listens; returns its SSE id. */
  publish(type: string, payload: unknown): Promise<string>
  /** Sends bytes to all open streams. */
  sendRaw(text: string): void
  openStreams(): number
  closeStreams(): void
}

interface LoggedEvent {
  id: string
  eventId: string
  type: string
  payload: unknown
}

export async function startFakeControlPlane(
  options: { tls?: boolean; token?: string; port?: number } = {},
): Promise<FakeControlPlane> {
  const { token = 'plx_enroll_test' } = options
  const signer = await createTestSigner()
  let sequence = 1
  const log: LoggedEvent[] = []
  const streams = new Set<ServerResponse>()
  const registered = new Map<string, unknown>()

  const nextId = (): string => `1-${++sequence}`

  async function openStream(request: Recorded, response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(formatComment('hello'))
    const cursor = request.headers['last-event-id']
    let next = cursor === undefined ? log.length : log.findIndex(({ id }) => id === cursor) + 1
    // What is logged while the missed ones are signed is missed too: who is not among the streams yet gets it here.
    for (let missed = log[next]; missed; missed = log[++next]) {
      response.write(await fake.signer.block(missed))
    }
    streams.add(response)
    response.on('close', () => streams.delete(response))
  }

  function register(body: Record<string, unknown>): Answer {
    if (body.token !== token) return refuse(401, 'invalid bootstrap token')
    const answer = registered.get(String(body.public_key)) ?? {
      node_id: fake.nodeId,
      mesh_ip: '10.100.1.1',
      signing_public_key: fake.signer.keys.current,
      node_secret_key: Buffer.alloc(32, 7).toString('base64'),
      node_token: fake.nodeToken,
      peers: fake.state.peers ?? [],
    }
    if (registered.size > 0 && !registered.has(String(body.public_key))) {
      return refuse(401, 'bootstrap token was used')
    }
    registered.set(String(body.public_key), answer)
    return { status: 201, body: answer }
  }

  function getState({ headers }: Recorded): Answer {
    const etag = `"${fake.state.revision}"`
    if (headers['if-none-match'] === etag) return { status: 304, headers: { etag } }
    return { status: 200, headers: { etag }, body: fake.state }
  }

  function answer(request: Recorded): Answer {
    const body = Object(request.body)
    if (request.line === 'POST /v1/register') return register(body)
    if (request.headers.authorization !== `Bearer ${fake.nodeToken}`) {
      return refuse(401, 'unauthorized')
    }
    if (request.line === `GET /v1/nodes/${fake.nodeId}/state`) return getState(request)
    if (request.line === 'POST /v1/keys/rotate') return { status: 200, body: { updated_peers: [] } }
    if (request.line.includes(`/v1/nodes/${fake.nodeId}/`)) return { status: 200, body: {} }
    return refuse(404, 'not found')
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse) {
    const request = await record(incoming)
    fake.requests.push(request)
    const scripted = fake.override(request)
    if (scripted?.hangUp) return void incoming.socket.destroy()
    const isStream = request.line === `GET /v1/nodes/${fake.nodeId}/events`
    if (!scripted && isStream && request.headers.authorization === `Bearer ${fake.nodeToken}`) {
      return openStream(request, response)
    }
    const { status, headers = {}, body, text } = scripted ?? { ...answer(request), text: undefined }
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(text ?? (body === undefined ? undefined : JSON.stringify(body)))
  }

  const server = await serve(handle, options)

  const fake: FakeControlPlane = {
    url: server.url,
    nodeId: 'n_test',
    nodeToken: 'plx_node_test',
    signer,
    state: emptyState(signer.keys),
    requests: [],
    sent: (lineEnd) => fake.requests.filter(({ line }) => line.endsWith(lineEnd)),
    override: () => undefined,
    change(part) {
      const revision = nextId()
      fake.state = { ...fake.state, ...part, revision }
      return revision
    },
    async publish(type, payload) {
      const logged = { id: nextId(), eventId: `evt_logged_${sequence}`, type, payload }
      log.push(logged)
      const listening = [...streams]
      fake.state = { ...fake.state, revision: logged.id }
      const block = await fake.signer.block(logged)
      for (const stream of listening) stream.write(block)
      return logged.id
    },
    sendRaw(text) {
      for (const stream of streams) stream.write(text)
    },
    openStreams: () => streams.size,
    closeStreams() {
      for (const stream of streams) stream.end()
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
  return fake
}

type Answer = { status: number; headers?: Record<string, string>; body?: unknown }

function refuse(status: number, error: string): Answer {
  return { status, body: { error, code: 'refused' } }
}

function emptyState(signing_keys: SigningKeys): NodeState {
  return {
    peers: [],
    policies: [],
    signing_keys,
    metadata: {},
    data: [],
    secret_refs: [],
    revision: '1-1',
  }
}

async function record(incoming: IncomingMessage): Promise<Recorded> {
  const raw = await buffer(incoming)
  const plain = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw
  return {
    line: `${incoming.method} ${incoming.url}`,
    atMs: performance.now(),
    headers: incoming.headers,
    body: plain.length === 0 ? undefined : parse(plain.toString('utf8'), incoming.headers),
  }
}

function parse(text: string, { 'content-type': type }: IncomingHttpHeaders): unknown {
  return type === 'application/x-ndjson'
    ? text
        .trimEnd()
        .split('\n')
        .map((line): unknown => JSON.parse(line))
    : JSON.parse(text)
}
