import { connect, type Socket } from 'node:net'
import type { Ends } from './link-header.ts'

/** Where the control plane that serves is reached by others. */
export interface Peer {
  host: string
  port: number
}

export interface ForwarderOptions {
  /** The first bytes to the peer, for a client's connection. */
  headerOf: (client: Ends) => Uint8Array
  /** Takes those that cannot be passed on, as nobody is there. */
  otherwise: (client: Socket) => void
  /** Connections at the same time; more are closed. */
  max: number
}

/** Passes connections on to the control plane that serves, byte for byte: TLS is between that and the client. */
export interface Forwarder extends Disposable {
  /** From now on to this one. Connections to another are cut: their clients connect again. */
  to(peer: Peer | undefined): void
  take(client: Socket): void
  /** Connections that are passed on. */
  count(): number
}

/** Longer than between machines of one installation; what hangs is one that has no machine any more. */
const connectMs = 2_000
/** Finds an end that is gone without a word. */
const keepAliveMs = 10_000
/** How long a client may take nothing of what is left for it, once its connection was closed. */
const lingerMs = 10_000

export function createForwarder({ headerOf, otherwise, max }: ForwarderOptions): Forwarder {
  const clients = new Set<Socket>()
  let peer: Peer | undefined

  function take(client: Socket): void {
    if (clients.size >= max) {
      client.destroy()
      return
    }
    if (!peer) {
      otherwise(client)
      return
    }
    clients.add(client)
    client.on('close', () => clients.delete(client)).on('error', ignore)
    const target = peer
    open(target, (far) => {
      if (peer !== target) far?.destroy()
      if (client.destroyed) far?.destroy()
      else if (far && peer === target) join(client, far)
      else {
        clients.delete(client)
        otherwise(client)
      }
    })
  }

  function join(client: Socket, far: Socket): void {
    far.write(headerOf(client))
    for (const [one, other] of [
      [client, far],
      [far, client],
    ] as const) {
      one.setNoDelay(true).setKeepAlive(true, keepAliveMs)
      one.on('error', ignore).on('close', () => other.destroy())
      one.pipe(other)
    }
    far.once('end', () => client.setTimeout(lingerMs, () => client.destroy()))
  }

  function cut(): void {
    for (const client of clients) client.destroy()
  }

  return {
    to(next) {
      if (next?.host === peer?.host && next?.port === peer?.port) return
      peer = next
      cut()
    },
    take,
    count: () => clients.size,
    [Symbol.dispose]() {
      peer = undefined
      cut()
    },
  }
}

/** Calls back once: with a connection, or without one. */
function open(peer: Peer, done: (far: Socket | undefined) => void): void {
  const far = connect({ ...peer, timeout: connectMs, allowHalfOpen: true })
  const failed = (): void => {
    far.destroy()
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
