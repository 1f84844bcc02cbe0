import type { Socket } from 'node:net'
import type { Log } from '@plexd/runtime'
import type { Limits } from '../../config/limits.ts'
import { type Answer, errorAnswer } from '../requests/answer.ts'

/** A uid, any caller over TCP, or a process without known credentials. */
export type Owner = number | 'tcp' | 'unknown'

/** Limits the connections of all listeners, so that no user can lock out the others. */
export interface Connections {
  /**
   * Accepts a connection, or returns the answer that refuses it. At a limit an idle connection is closed to make room:
   * of the same user at the limit per user, otherwise of the user who has the most. If none is idle, the new one is
   * refused.
   */
  admit(socket: Socket, owner: Owner): Answer | undefined
  /** A request is running on the connection until the returned function is called: it is not idle. */
  busy(socket: Socket): () => void
  /** Its owner when it was accepted. */
  ownerOf(socket: Socket): Owner
}

/** The share reserved for root, so that a person can still find out what is wrong. */
const rootShare = 1 / 16

export function createConnections(
  limits: Pick<Limits, 'local_connections' | 'local_connections_per_user'>,
  log: Pick<Log, 'warn'>,
): Connections {
  const { local_connections: all, local_connections_per_user: each } = limits
  const forUsers = Math.max(1, all - Math.ceil(all * rootShare))
  const byOwner = new Map<Owner, Set<Socket>>()
  /** The number of running requests on each. */
  const requests = new Map<Socket, number>()
  const owners = new WeakMap<Socket, Owner>()
  /** Logged only once per owner, so that a flood is one line. */
  const told = new Set<Owner>()

  function admit(socket: Socket, owner: Owner): Answer | undefined {
    const own = byOwner.get(owner) ?? new Set()
    const crowd = crowdFor(owner, own)
    if (crowd && !closeIdle(crowd.pools)) return refuse(owner, crowd.reason)
    byOwner.set(owner, own.add(socket))
    requests.set(socket, 0)
    owners.set(socket, owner)
    socket.once('close', () => {
      remove(socket, own)
      if (own.size === 0) leave(owner, own)
    })
    return undefined
  }

  /**
   * The limit that another connection of this owner would exceed, and where an idle one may be closed; undefined below
   * the limits.
   */
  function crowdFor(owner: Owner, own: Set<Socket>) {
    if (owner !== 0 && own.size >= each)
      return {
        reason: `${each} connections of one user (limit local_connections_per_user)`,
        pools: [own],
      }
    const most = owner === 0 ? all : forUsers
    if (requests.size < most) return undefined
    return {
      reason: `${most} connections (limit local_connections)`,
      pools: [...byOwner.values()].sort((a, b) => b.size - a.size),
    }
  }

  function closeIdle(pools: readonly Set<Socket>[]): boolean {
    for (const pool of pools) {
      const idle = pool.values().find(isIdle)
      if (!idle) continue
      remove(idle, pool) // its event comes later
      idle.destroy()
      return true
    }
    return false
  }

  function isIdle(socket: Socket): boolean {
    return requests.get(socket) === 0 && socket.writableLength === 0
  }

  function refuse(owner: Owner, reason: string): Answer {
    if (!told.has(owner)) log.warn('connections to the local API are refused', { owner, reason })
    told.add(owner)
    return errorAnswer(429, `there are ${reason} already: close some, or try again later`)
  }

  function remove(socket: Socket, pool: Set<Socket>): void {
    requests.delete(socket)
    pool.delete(socket)
  }

  function leave(owner: Owner, own: Set<Socket>): void {
    told.delete(owner)
    if (byOwner.get(owner) === own) byOwner.delete(owner)
  }

  function count(socket: Socket, change: 1 | -1): void {
    const running = requests.get(socket)
    if (running !== undefined) requests.set(socket, running + change)
  }

  return {
    admit,
    busy(socket) {
      count(socket, 1)
      return () => count(socket, -1)
    },
    ownerOf: (socket) => owners.get(socket) ?? 'unknown',
  }
}
