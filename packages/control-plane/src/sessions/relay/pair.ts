import { maxRelayMessageBytes, relayEnds } from '@plexd/protocol'
import type { Closing, Half } from './half.ts'
import { type Pump, startPump } from './pump.ts'

export type Side = 'client' | 'node'
const otherOf = { client: 'node', node: 'client' } as const
const lost = { client: 'client_lost', node: 'node_lost' } as const

/** The two sides of one session. */
export interface Pair {
  has(side: Side): boolean
  isEmpty(): boolean
  /** Whether both sides were there, be it that they are gone. Then none can be taken again. */
  wasJoined(): boolean
  isOpen(): boolean
  /** The second one starts the copying. A side that is there is replaced. */
  put(side: Side, half: Half): void
  /** A side has closed: the other gets what was sent, and then the same close. */
  closed(half: Half, closing: Closing): void
  cut(closing: Closing): void
}

export interface PairOptions {
  onJoined(): void
  onBytes(side: Side, count: number): void
  /** Once, if it was joined; in bytes from the client and from the node. */
  onOver(closing: Closing, bytes: { client: number; node: number }): void
}

export function createPair({ onJoined, onBytes, onOver }: PairOptions): Pair {
  const halves = new Map<Side, Half>()
  let isJoined = false
  /** Until it is over: a pair may be kept long after, and they hold the connections. */
  let pumps: Record<Side, Pump> | undefined

  function join(client: Half, node: Half): void {
    const pump = (side: Side, from: Half, to: Half): Pump =>
      startPump(from, to, {
        maxMessageBytes: maxRelayMessageBytes,
        onBytes: (count) => onBytes(side, count),
      })
    onJoined()
    isJoined = true
    pumps = { client: pump('client', client, node), node: pump('node', node, client) }
  }

  function finish(closing: Closing): void {
    if (!pumps) return
    const bytes = { client: pumps.client.bytes(), node: pumps.node.bytes() }
    pumps = undefined
    onOver(closing, bytes)
  }

  return {
    has: (side) => halves.has(side),
    isEmpty: () => halves.size === 0,
    wasJoined: () => isJoined,
    isOpen: () => pumps !== undefined,
    put(side, half) {
      halves.get(side)?.cut(relayEnds.replaced)
      halves.set(side, half)
      const [client, node] = [halves.get('client'), halves.get('node')]
      if (client && node) join(client, node)
    },
    closed(half, closing) {
      const [side] = [...halves].find(([, one]) => one === half) ?? []
      if (!side) return
      halves.delete(side)
      if (!pumps) return
      const told = passedOn(closing) ?? relayEnds[lost[side]]
      pumps[side].flush()
      halves.get(otherOf[side])?.close(told)
      finish(told)
    },
    cut(closing) {
      pumps?.client.flush()
      pumps?.node.flush()
      for (const half of halves.values()) half.cut(closing)
      halves.clear()
      finish(closing)
    },
  }
}

/** What a side itself has said; not what its library did, as 1006 for a lost connection or 1009 for a message that is too long. */
function passedOn(closing: Closing): Closing | undefined {
  const { code } = closing
  // It has given no code.
  if (code === 1005) return { code: 1000, reason: '' }
  return code === 1000 || code === 1001 || code === 1011 || code >= 4000 ? closing : undefined
}
