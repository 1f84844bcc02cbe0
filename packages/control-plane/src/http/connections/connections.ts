import { sourceOf } from './source.ts'

/** The part of a socket that is asked here. */
export interface Closable {
  readonly remoteAddress?: string | undefined
  destroy(): unknown
}

/** A connection that is open, and what is known of it. */
export interface Connection<Socket extends Closable> {
  readonly socket: Socket
  readonly source: string
  /** Requests that are under way on it. */
  requests: number
  /** Whether a credential came over it. */
  isProven: boolean
  isClosed: boolean
  pool?: Set<Connection<Socket>>
}

export interface Connections<Socket extends Closable> {
  /** Takes it in, and lets others give way for it. Undefined when there is no room: close it. */
  add(socket: Socket): Connection<Socket> | undefined
  /** After a change of it. */
  changed(connection: Connection<Socket>): void
  remove(connection: Connection<Socket>): void
  size(): number
}

/**
 * Keeps open connections below `max`. When there are as many, some are closed: first those over which no credential
 * has come and nothing is under way, then idle ones, then requests of strangers, each time of the source that has most
 * of them, and those that have been so for longest. What a node or an operator has under way is never closed.
 */
export function createConnections<Socket extends Closable>(
  max: number,
  onClosed: () => void = () => {},
): Connections<Socket> {
  /** By rank, who gives way first; then by source, in the order in which they came to be so. */
  const ranks = Array.from({ length: 3 }, () => new Map<string, Set<Connection<Socket>>>())
  let size = 0

  function leave(connection: Connection<Socket>): void {
    const { pool, source } = connection
    if (!pool) return
    delete connection.pool
    pool.delete(connection)
    if (pool.size > 0) return
    for (const rank of ranks) if (rank.get(source) === pool) rank.delete(source)
  }

  function enter(connection: Connection<Socket>): void {
    leave(connection)
    const rank = ranks[rankOf(connection) ?? -1]
    if (!rank) return
    connection.pool = rank.getOrInsertComputed(connection.source, () => new Set())
    connection.pool.add(connection)
  }

  function remove(connection: Connection<Socket>): void {
    if (connection.isClosed) return
    connection.isClosed = true
    leave(connection)
    size--
  }

  /** Several at a time: to find out whose they are costs as much as there are sources. */
  function makeRoom(): void {
    let left = Math.max(1, Math.floor(max / 128))
    for (const rank of ranks) {
      for (let pool = largest(rank); pool && left > 0; pool = largest(rank)) {
        for (const connection of [...pool.values().take(left)]) {
          left--
          remove(connection)
          connection.socket.destroy()
          onClosed()
        }
      }
    }
  }

  return {
    add(socket) {
      if (size >= max) makeRoom()
      if (size >= max) return undefined
      const source = sourceOf(socket.remoteAddress)
      const connection = { socket, source, requests: 0, isProven: false, isClosed: false }
      size++
      enter(connection)
      return connection
    },
    changed(connection) {
      if (!connection.isClosed) enter(connection)
    },
    remove,
    size: () => size,
  }
}

/** Undefined for what is never closed. */
function rankOf({
  requests,
  isProven,
}: {
  requests: number
  isProven: boolean
}): number | undefined {
  if (requests === 0) return isProven ? 1 : 0
  return isProven ? undefined : 2
}

function largest<T>(rank: ReadonlyMap<string, Set<T>>): Set<T> | undefined {
  let found: Set<T> | undefined
  for (const pool of rank.values()) if (pool.size > (found?.size ?? 0)) found = pool
  return found
}
