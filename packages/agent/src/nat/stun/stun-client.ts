import { randomBytes } from 'node:crypto'
import type { UdpSocket } from '@plexd/runtime'
import {
  type Address,
  type Clock,
  decodeStun,
  describeError,
  encodeStun,
  formatAddress,
  isSameAddress,
  type StunMessage,
} from '@plexd/runtime'

/** Asks STUN servers for the public address and port that a UDP port is mapped to. */
export interface StunClient {
  /**
   * Rejects with a StunError if no usable answer arrives within two seconds. With `change`, only an answer from the
   * other address or port is usable.
   */
  ask(server: Address, options?: AskOptions): Promise<StunAnswer>
}

export interface AskOptions {
  change?: { address: boolean; port: boolean }
  signal?: AbortSignal | undefined
}

export interface StunAnswer {
  /** The source of the request, as the server saw it. */
  mapped: Address
  /** The server's second address, if it supports RFC 5780. */
  other?: Address
}

export class StunError extends Error {
  override name = 'StunError'
  /** Whether the server answered, but with an error or from an address that was not asked for. */
  readonly refused: boolean

  constructor(message: string, { refused = false } = {}) {
    super(message)
    this.refused = refused
  }
}

/** When a request is sent and repeated, counted from the first; at the last of these times it fails. */
const repeatAtMs = [0, 200, 600, 1_200, 2_000]
/** The maximum number of requests in flight. */
const maxOpen = 32

interface Question {
  server: Address
  change: AskOptions['change']
  resolve(answer: StunAnswer): void
  reject(error: StunError): void
}

/** The socket must have no other listener. */
export function createStunClient({
  socket,
  clock,
}: {
  socket: UdpSocket
  clock: Clock
}): StunClient {
  const open = new Map<string, Question>()

  socket.listen((datagram, from) => {
    const message = decodeStun(datagram)
    const question = message && open.get(message.transactionId)
    if (message && question) settle(question, message, from)
  })

  async function ask(server: Address, { change, signal }: AskOptions = {}): Promise<StunAnswer> {
    if (open.size >= maxOpen)
      throw new StunError(`ask ${formatAddress(server)}: too many questions`)
    const transactionId = randomBytes(12).toString('hex')
    const { promise, resolve, reject } = Promise.withResolvers<StunAnswer>()
    open.set(transactionId, { server, change, resolve, reject })
    const stop = new AbortController()
    const request = encodeStun({ kind: 'request', transactionId, ...(change && { change }) })
    const signals = signal ? [stop.signal, signal] : [stop.signal]
    const repeated = repeat(request, server, AbortSignal.any(signals))
    try {
      return await Promise.race([promise, repeated])
    } finally {
      open.delete(transactionId)
      stop.abort()
      repeated.catch(() => {}) // the abort just above
    }
  }

  /** Never resolves. */
  async function repeat(request: Buffer, server: Address, signal: AbortSignal): Promise<never> {
    let trouble = ''
    let lastMs = 0
    for (const atMs of repeatAtMs) {
      if (atMs > 0) await clock.sleep(atMs - lastMs, signal)
      lastMs = atMs
      if (atMs === repeatAtMs.at(-1)) break
      await socket.send(request, server).catch((error: unknown) => {
        trouble = `: ${describeError(error)}`
      })
    }
    throw new StunError(`ask ${formatAddress(server)}: no answer within ${lastMs} ms${trouble}`)
  }

  return { ask }
}

function settle(question: Question, message: StunMessage, from: Address): void {
  const { server, change, resolve, reject } = question
  const { kind, mapped, other, errorCode } = message
  const refuse = (why: string): void =>
    reject(new StunError(`ask ${formatAddress(server)}: ${why}`, { refused: true }))
  if (kind === 'success' && mapped && isFrom(from, server, change))
    resolve({ mapped, ...(other && { other }) })
  // Any host can send an error message, so only the server's own counts.
  else if (!isSameAddress(from, server)) return
  else if (kind === 'error') refuse(`error ${errorCode ?? 'without a code'}`)
  else if (kind === 'success') refuse('it cannot answer from another address')
}

function isFrom(from: Address, server: Address, change: AskOptions['change']): boolean {
  return (
    (from.address !== server.address) === (change?.address ?? false) &&
    (from.port !== server.port) === (change?.port ?? false)
  )
}
