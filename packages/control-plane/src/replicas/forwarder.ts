import type { KeyObject } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { Relaying } from '../http/connections/proxies/proxy-header.ts'
import { linkHeader } from './link-header.ts'
import { createMarks } from './marks.ts'
import type { PeerAddress } from './peer-address.ts'

/** Where the control plane that serves is reached by the others, and the key by which it knows them. */
export interface Link extends PeerAddress {
  key: KeyObject
}

/** Passes connections on to the control plane that serves, byte for byte: TLS is between that and the client. */
export interface Forwarder extends Disposable {
  /** From now on to this one. Connections to another are cut: their clients connect again. */
  to(link: Link | undefined): void
  /** Calls `stays` for one that cannot be passed on, as nobody is there. */
  take(client: Socket, stays: () => void): void
  /** Connections that are passed on. */
  count(): number
  /** Cuts each of them, the oldest first. */
  ends(): (() => void)[]
}

export interface ForwarderOptions {
  patienceMs?: number
  /** What the control plane that serves is told of this one. */
  how?: () => Relaying
}

/** Longer than between machines of one installation; what hangs is one that has no machine any more. */
const connectMs = 2_000
/** Finds an end that is gone without a word. */
const keepAliveMs = 10_000
/** In which who serves has to say its first word: longer than any client waits for a handshake, also behind a crowd. What is silent later is a stream. */
const answerMs = 30_000
/** How long a client may take nothing of what is left for it, once its connection was closed. */
const lingerMs = 10_000

export function createForwarder({
  patienceMs = answerMs,
  how = () => 'staying',
}: ForwarderOptions = {}): Forwarder {
  const clients = new Set<Socket>()
  const nextMark = createMarks()
  let link: Link | undefined

  function take(client: Socket, stays: () => void): void {
    if (!link) {
      stays()
      return
    }
    const target = link
    clients.add(client)
    client.on('close', () => clients.delete(client)).on('error', ignore)
    open(target, (far) => {
      if (client.destroyed) far?.destroy()
      else if (far) {
        far.write(linkHeader(target.key, client, nextMark(), how()))
        endSilent(far, patienceMs)
        join(client, far)
      } else {
        clients.delete(client)
        stays()
      }
    })
  }

  function cut(): void {
    for (const client of clients) client.destroy()
  }

  return {
    to(next) {
      if (isSame(next, link)) return
      link = next
      cut()
    },
    take,
    count: () => clients.size,
    ends: () => Array.from(clients, (client) => () => void client.destroy()),
    [Symbol.dispose]() {
      link = undefined
      cut()
    },
  }
}

function isSame(one: Link | undefined, other: Link | undefined): boolean {
  if (!one || !other) return one === other
  return one.host === other.host && one.port === other.port && one.key.equals(other.key)
}

/** One that accepts and never answers is a stranger at an address that was another's. */
function endSilent(far: Socket, patienceMs: number): void {
  far.setTimeout(patienceMs, () => far.destroy())
  far.once('data', () => far.setTimeout(0))
}

function join(client: Socket, far: Socket): void {
  // Its server may be one that ends what the client has ended; here that is for the one that serves.
  client.allowHalfOpen = true
  for (const [one, other] of [
    [client, far],
    [far, client],
  ] as const) {
    one.setNoDelay(true).setKeepAlive(true, keepAliveMs)
    one.on('error', ignore).on('close', () => {
      // One that has said and heard all ends the other by the pipe, which may have much to say yet.
      if (!one.readableEnded || !one.writableFinished) other.destroy()
    })
    one.pipe(other)
  }
  far.once('end', () => client.setTimeout(lingerMs, () => client.destroy()))
}

/** Calls back once: with a connection, or without one. */
function open({ host, port }: Link, done: (far: Socket | undefined) => void): void {
  const far = connect({ host, port, timeout: connectMs, allowHalfOpen: true })
  const failed = (): void => {
    far.off('error', failed).on('error', ignore).destroy()
    done(undefined)
  }
  far.once('error', failed).once('timeout', failed)
  far.once('connect', () => {
    far.off('error', failed).off('timeout', failed).setTimeout(0)
    done(far)
  })
}

/** Whoever sees it close is told enough. */
function ignore(): void {}
