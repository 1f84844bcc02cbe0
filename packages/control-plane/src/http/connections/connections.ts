import { sourceOf } from './source.ts'

/** The part of a socket that is used here. */
export interface Closable {
  readonly remoteAddress?: string | undefined
  destroy(): unknown
}

/** An open connection and its state. */
export interface Connection<Socket extends Closable> {
  readonly socket: Socket
  /** The unit of fairness that it belongs to. */
  source: string
  /** Requests in progress on it. */
  requests: number
  /** Whether it has been authenticated. */
  isProven: boolean
  isClosed: boolean
  pool: Set<Connection<Socket>> | undefined
}

export interface Connections<Socket extends Closable> {
  /** Adds it, closing others if necessary. Undefined if there is no room: then close it. */
  add(socket: Socket): Connection<Socket> | undefined
  /** Call this after changing it. */
  changed(connection: Connection<Socket>): void
  /** It comes from another address than its socket said when it was added. */
  moved(connection: Connection<Socket>, address: string): void
  remove(connection: Connection<Socket>): void
  size(): number
}

/**
 * Keeps the number of open connections below `max`, which may change. At the limit it closes some, in this order: unauthenticated ones
 * without a request in progress, idle authenticated ones, unauthenticated ones with a request in progress; each time
 * of the source that has most of them, longest first. An authenticated request in progress is never cut off.
 */
export function createConnections<Socket extends Closable>(
  max: () => number,
  onClosed: () => void = () => {},
): Connections<Socket> {
  /** By rank (lowest closed first), then by source, in order of arrival in that rank. */
  const ranks = Array.from({ length: 3 }, () => new Map<string, Set<Connection<Socket>>>())
  let size = 0

  function leave(connection: Connection<Socket>): void {
    const { pool, source } = connection
    if (!pool) return
    connection.pool = undefined
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

  /** Closes several at a time, because finding the largest source takes time proportional to the number of sources. */
  function makeRoom(): void {
    let left = Math.max(1, size - max() + 1, Math.floor(max() / 128))
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
      if (size >= max()) makeRoom()
      if (size >= max()) return undefined
      const source = sourceOf(socket.remoteAddress)
      const fresh = { requests: 0, isProven: false, isClosed: false, pool: undefined }
      const connection: Connection<Socket> = { socket, source, ...fresh }
      size++
      enter(connection)
      return connection
    },
    changed(connection) {
      if (!connection.isClosed) enter(connection)
    },
    moved(connection, address) {
      leave(connection)
      connection.source = sourceOf(address)
      if (!connection.isClosed) enter(connection)
    },
    remove,
    size: () => size,
  }
}

/** Undefined if it must never be closed. */
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
