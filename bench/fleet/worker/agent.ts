import { setTimeout as delay } from 'node:timers/promises'
import { controlApi, fillPath, revisionHeader } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import type { Address } from '../http/connection.ts'
import type { Answer, Request, Requests } from '../http/requests.ts'
import type { EventBlocks, SeenEvent } from './event-blocks.ts'
import { EventStream, type StreamListener } from './event-stream.ts'
import type { FoldedState } from './folded-state.ts'
import { Ledger } from './ledger.ts'
import type { Notes } from './notes.ts'
import { monotonicMs, type Watches } from './watches.ts'
import type { Identity } from './worker-api.ts'

/** What the agents of one process share. */
export interface World extends Pick<Notes, 'tally' | 'fault' | 'counted'> {
  readonly address: Address
  readonly requests: Requests
  readonly blocks: EventBlocks
  readonly watches: Watches
}

const minReconnectMs = 1_000
/** Twice the longest wait between two attempts, and a minute for the rest. */
const openPatienceMs = 180_000
const maxReconnectMs = 60_000
/** Over so long pulls after a reconnection are spread. */
const pullSpreadMs = 5_000
/** After a stream that lasted this long, the next failure starts from the shortest wait again. */
const goodStreamMs = 5_000

/** A node as the control plane sees it: it sends requests, keeps its stream open, and records every event. */
export class Agent implements StreamListener {
  readonly index: number
  readonly hostname: string
  ledger = new Ledger()
  identity: Identity | undefined
  folded: FoldedState | undefined
  /** How many peers it knows. */
  peers = 0
  isOpen = false
  /** When an answer last showed that its state is the newest. */
  currentMs = 0
  readonly #world: World
  #endpoint: string
  /** Of the last event or state that it has. */
  #revision = ''
  /** The event log that it has followed; empty before the first event or state. */
  #epoch = ''
  #hasPulled = false
  /** Whether the last heartbeat was answered. */
  #hasBeaten = true
  #cursorId = ''
  #peersSeq = -1
  /** Pulls that are not answered yet. Peers that come and go meanwhile are noted, because the state may be older. */
  #pulls = 0
  #peerSteps: { seq: number; by: number }[] = []
  #stream: EventStream | undefined
  #wanted = false
  #failures = 0
  #openMs = 0
  /** Its cursor when it was told to pull; undefined when it was not. */
  #resyncFrom: number | undefined
  #cursor = -1
  #onOpen: (() => void) | undefined

  constructor(index: number, world: World) {
    this.index = index
    this.hostname = `bench-${String(index).padStart(5, '0')}`
    this.#endpoint = `203.0.113.${index % 250}:${1_024 + index}`
    this.#world = world
  }

  async register(token: string): Promise<Identity | undefined> {
    const { status, body } = await this.#send('register', {
      method: 'POST',
      path: controlApi.register.path,
      body: JSON.stringify({
        token,
        public_key: crypto.getRandomValues(new Uint8Array(32)).toBase64(),
        hostname: this.hostname,
        // A node without capabilities is taken for the Go agent.
        capabilities: { builtin_actions: [{ name: 'mesh.ping' }] },
      }),
    })
    if (status !== 201) return undefined
    this.peers = countOf(body, '"psk":"')
    this.identity = readIdentity(this, body)
    return this.identity
  }

  pretend(): void {
    const { index, hostname } = this
    const none = { mesh_ip: '', node_token: 'none', node_secret_key: '', signing_public_key: '' }
    this.identity = { index, hostname, node_id: `n_${index}`, ...none }
  }

  /** Pulls the desired state, by its revision unless `whole`; resolves to the status. */
  async pull({ whole = false } = {}): Promise<number> {
    const { seq } = this.ledger
    const resyncFrom = this.#resyncFrom
    const isConditional = !whole && seq >= 0 && resyncFrom === undefined
    this.#pulls++
    const answer = await this.#send('state', {
      method: 'GET',
      path: this.#path(controlApi.getState.path),
      ...(isConditional ? { headers: { 'if-none-match': `"${this.#revision}"` } } : {}),
    })
    if (answer.status === 200) {
      const to = this.#pulled(answer, resyncFrom)
      if (isConditional) this.ledger.whole.push({ from: seq, to })
    }
    if (--this.#pulls === 0) this.#peerSteps = []
    if (answer.status === 200 || answer.status === 304) this.currentMs = monotonicMs()
    return answer.status
  }

  /**
   * Pulls once it is connected and no other pull is under way; 304 says that its state is the newest. An agent that
   * never pulled has no state to compare, and counts as 304.
   */
  async prove(): Promise<number> {
    const isQuiet = (): boolean => this.#pulls === 0 && (!this.#wanted || this.isOpen)
    await until(`${this.hostname} is connected and has pulled`, isQuiet, openPatienceMs)
    return this.#hasPulled ? this.pull() : 304
  }

  /** The sequence of the state, which makes up for a resync that it was asked for after. */
  #pulled({ etag = '', body }: Answer, resyncFrom: number | undefined): number {
    const [, revision = '', digits = ''] = /^"([a-z0-9]+-(\d+)-[a-z0-9]+)"$/.exec(etag) ?? []
    if (revision === '') this.#world.fault(`${this.hostname}: state with the tag ${etag}`)
    const seq = Number(digits)
    this.#enter(revision)
    this.#hasPulled = true
    if (seq >= this.ledger.seq) this.#revision = revision
    if (this.ledger.startSeq === -1) {
      this.#cursor = seq
      this.#cursorId = revision
    }
    this.ledger.begin(seq)
    if (resyncFrom !== undefined && resyncFrom === this.#resyncFrom) {
      this.ledger.pull(resyncFrom, seq)
      this.#resyncFrom = undefined
    }
    const later = this.#peerSteps.filter((step) => step.seq > seq)
    this.peers = countOf(body, '"psk":"') + later.reduce((sum, { by }) => sum + by, 0)
    this.#peersSeq = seq
    return seq
  }

  /** Pulls if the answer asks for it and `pulls` is set. */
  async heartbeat({ pulls }: { pulls: boolean }): Promise<void> {
    const { status, body } = await this.#send('heartbeat', {
      method: 'POST',
      path: this.#path(controlApi.heartbeat.path),
      body: JSON.stringify({
        node_id: this.identity?.node_id,
        timestamp: new Date().toISOString(),
        status: 'healthy',
        uptime: '72h15m',
        binary_checksum: 'sha256:0000000000000000000000000000000000000000000000000000000000000000',
        mesh: { interface: 'plexd0', peer_count: this.peers, listen_port: 51_820 },
      }),
    })
    this.#hasBeaten = status === 200
    if (pulls && status === 200 && body.includes('"reconcile":true')) await this.pull()
  }

  async #comeBack(): Promise<void> {
    if (!this.#hasBeaten) void this.heartbeat({ pulls: true })
    await delay(Math.random() * pullSpreadMs)
    if (this.isOpen) await this.pull()
  }

  /** Reports its endpoint, by default the one it had. */
  async reportEndpoint(endpoint = this.#endpoint): Promise<number> {
    this.#endpoint = endpoint
    const { status } = await this.#send('endpoint', {
      method: 'PUT',
      path: this.#path(controlApi.putEndpoint.path),
      ...(this.ledger.seq < 0 ? {} : { headers: { [revisionHeader]: this.#revision } }),
      body: JSON.stringify({ public_endpoint: endpoint, nat_type: 'full_cone' }),
    })
    return status
  }

  /** Opens its stream and keeps it open; resolves when it is open, and rejects when that takes too long. */
  open(): Promise<void> {
    this.#wanted = true
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const late = new Error(`${this.hostname}: no stream after ${openPatienceMs / 1_000} s`)
    const timer = setTimeout(() => reject(late), openPatienceMs)
    this.#onOpen = () => {
      clearTimeout(timer)
      resolve()
    }
    this.#connect()
    return promise
  }

  close(): void {
    this.#wanted = false
    this.#stream?.end()
  }

  hang(): void {
    this.#stream?.pause()
  }

  recover(): void {
    this.#stream?.resume()
  }

  opened(): void {
    this.isOpen = true
    this.#openMs = monotonicMs()
    this.#onOpen?.()
    // As our agent does after a reconnection.
    if (!this.#onOpen) void this.#comeBack()
    this.#onOpen = undefined
  }

  event(event: SeenEvent): void {
    this.#world.counted()
    this.#world.watches.seen(event)
    this.folded?.take(event)
    if (event.id === '') return
    this.#enter(event.id)
    if (event.seq > this.ledger.seq) this.#revision = event.id
    if (event.type === 'resync') this.#resync(event.seq)
    else this.ledger.take(event.seq)
    this.#cursor = event.seq
    this.#cursorId = event.id
    if (event.type === 'peer_added') this.#countPeer(event.seq, 1)
    if (event.type === 'peer_removed') this.#countPeer(event.seq, -1)
  }

  /** Another epoch is another log, as after a restore: what was seen of the one before counts no more. */
  #enter(id: string): void {
    const [epoch = ''] = id.split('-')
    if (this.#epoch !== '' && this.#epoch !== epoch) {
      this.ledger = new Ledger()
      this.#revision = ''
      this.#cursorId = ''
      this.#cursor = -1
      this.#peersSeq = -1
      this.#peerSteps = []
      this.#resyncFrom = undefined
    }
    this.#epoch = epoch
  }

  #countPeer(seq: number, by: number): void {
    if (this.#pulls > 0) this.#peerSteps.push({ seq, by })
    if (seq > this.#peersSeq) this.peers += by
  }

  #resync(seq: number): void {
    const first = this.#resyncFrom === undefined
    this.#resyncFrom ??= this.#cursor
    if (this.ledger.startSeq === -1) this.ledger.begin(seq)
    if (first) void this.pull()
  }

  ended(status: number, retryAfter: string | undefined): void {
    const goodFor = this.isOpen ? monotonicMs() - this.#openMs : 0
    this.isOpen = false
    this.#stream = undefined
    if (!this.#wanted) return
    if (goodFor > goodStreamMs) this.#failures = 0
    if (status !== 200 && status !== 0 && status !== 503)
      this.#world.fault(`${this.hostname}: stream answered ${status}`)
    setTimeout(() => this.#wanted && this.#connect(), this.#waitMs(retryAfter))
  }

  #waitMs(retryAfter: string | undefined): number {
    if (retryAfter !== undefined) return Number(retryAfter) * 1_000 * (1 + Math.random() / 4)
    const wait = Math.min(maxReconnectMs, minReconnectMs * 2 ** this.#failures++)
    return Math.max(minReconnectMs, wait * (0.75 + Math.random() / 2))
  }

  #connect(): void {
    this.#stream = new EventStream(
      {
        address: this.#world.address,
        seed: this.index,
        path: this.#path(controlApi.openEvents.path),
        token: this.identity?.node_token ?? '',
        lastEventId: this.#cursorId,
        revision: this.#revision,
        blocks: this.#world.blocks,
      },
      this,
    )
  }

  #path(path: string): string {
    return fillPath(path, { node_id: this.identity?.node_id ?? '' })
  }

  async #send(kind: string, request: Request): Promise<Answer> {
    const token = this.identity?.node_token
    const answer = await this.#world.requests.send({
      ...request,
      ...(token === undefined ? {} : { token }),
    })
    this.#world.tally.add(kind, answer.status, answer.ms)
    return answer
  }

  /** Repeats it with up to 10 % of jitter until `isOver`. */
  async repeat(everyMs: number, run: () => Promise<unknown>, isOver: () => boolean): Promise<void> {
    // In tenths of a second, because Node keeps timers of equal length in one list.
    const tenths = (ms: number): number => Math.max(10, Math.round(ms / 100) * 100)
    await delay(tenths(Math.random() * everyMs))
    while (!isOver()) {
      await run()
      await delay(tenths(everyMs * (0.9 + Math.random() / 5)))
    }
  }
}

/** Reads six fields by regular expression: parsing an answer with a thousand peers would cost too much. */
function readIdentity({ index, hostname }: Agent, body: Buffer): Identity {
  const text = body.toString('latin1')
  const peers = text.indexOf('"peers":[')
  const own = peers === -1 ? text : text.slice(0, peers) + text.slice(text.lastIndexOf(']'))
  const field = (name: string): string => new RegExp(`"${name}":"([^"]+)"`).exec(own)?.[1] ?? ''
  return {
    index,
    hostname,
    node_id: field('node_id'),
    mesh_ip: field('mesh_ip'),
    node_token: field('node_token'),
    node_secret_key: field('node_secret_key'),
    signing_public_key: field('signing_public_key'),
  }
}

function countOf(bytes: Buffer, text: string): number {
  let count = 0
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + text.length)) count++
  return count
}
