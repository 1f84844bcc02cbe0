import type { PeerStatus } from '@plexd/protocol'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import { formatEcho, parseReply } from '../../path/echo.ts'
import { drawEchoId } from '../../path/exchange.ts'
import type { OpenPing, PingSocket } from '../../path/ping-socket.ts'

/** What the probes of a peer have shown. */
export interface Path {
  /** Of the last probe; undefined if it was not answered. */
  rttMs: number | undefined
  /** Of the last probes, at most 20; undefined until one was settled. */
  lossPercent: number | undefined
}

export interface RoundTrips extends AsyncDisposable {
  /** Settles the probes of the last round, and sends one to each peer that may be probed now. */
  round(peers: readonly PeerStatus[]): Promise<void>
  of(id: string): Path | undefined
}

interface Probe {
  id: string
  address: string
  sentMs: number
  rttMs?: number
}

/** WireGuard renews a session that something is sent in after 120 s: a probe sent before that never starts a tunnel, nor keeps one up. */
const maxHandshakeAgeMs = 115_000
const remembered = 20
/** As `ping` sends by default: 56 bytes of data. */
const packetBytes = 84
/** Sent at once, and then the loop is left to others. */
const burst = 50
/** An answer that takes longer is as good as none. */
const patienceMs = 5_000

/**
 * Round trips over the mesh: one socket for all peers, opened by the first probe. An answer counts until the next round, or for
 * five seconds.
 */
export function createRoundTrips({
  open,
  clock,
  log,
}: {
  open: OpenPing
  clock: Clock
  log: Pick<Log, 'debug'>
}): RoundTrips {
  let socket: PingSocket | undefined
  const id = drawEchoId()
  let lastSeq = 0
  const underWay = new Map<number, Probe>()
  /** By peer, whether each of the last probes was answered, and the last round trip. */
  const paths = new Map<string, { answered: boolean[]; rttMs: number | undefined }>()

  function onPacket(packet: Uint8Array | 'overrun'): void {
    const reply = packet === 'overrun' ? undefined : parseReply(packet, id)
    const probe = reply && underWay.get(reply.seq)
    if (!probe || probe.address !== reply.from || probe.rttMs !== undefined) return
    probe.rttMs = Math.round((clock.monotonic() - probe.sentMs) * 1_000) / 1_000
  }

  function settle(): void {
    for (const { id: peerId, rttMs } of underWay.values()) {
      const path = paths.getOrInsertComputed(peerId, () => ({ answered: [], rttMs: undefined }))
      const isAnswered = rttMs !== undefined && rttMs <= patienceMs
      path.rttMs = isAnswered ? rttMs : undefined
      path.answered.push(isAnswered)
      if (path.answered.length > remembered) path.answered.shift()
    }
    underWay.clear()
  }

  function forgetOthers(peers: readonly PeerStatus[]): void {
    const wanted = new Set(peers.map((peer) => peer.id))
    for (const peerId of paths.keys()) if (!wanted.has(peerId)) paths.delete(peerId)
  }

  async function opened(): Promise<PingSocket> {
    if (socket) return socket
    const made = await open()
    made.follow(onPacket)
    socket = made
    return made
  }

  async function send(peers: readonly PeerStatus[]): Promise<void> {
    const to = await opened()
    for (const [index, { id: peerId, mesh_ip: address }] of peers.entries()) {
      if (index > 0 && index % burst === 0) await clock.sleep(10)
      lastSeq = (lastSeq + 1) % 65_536
      const sentMs = clock.monotonic()
      // What the kernel refuses, as when a policy of this node denies it, says nothing about the way to the peer.
      if (to.send(formatEcho({ id, seq: lastSeq, size: packetBytes }), address))
        underWay.set(lastSeq, { id: peerId, address, sentMs })
    }
  }

  return {
    async round(peers) {
      settle()
      const near = peers.filter((peer) => mayProbe(peer, clock.now()))
      forgetOthers(near)
      if (near.length === 0) return
      try {
        await send(near)
      } catch (error) {
        log.debug('round trips cannot be measured', { error: describeError(error) })
      }
    },
    of(peerId) {
      const path = paths.get(peerId)
      if (!path) return undefined
      const { answered, rttMs } = path
      const lost = answered.filter((isAnswered) => !isAnswered).length
      return { rttMs, lossPercent: Math.round((1_000 * lost) / answered.length) / 10 }
    },
    async [Symbol.asyncDispose]() {
      socket?.close()
    },
  }
}

function mayProbe({ state, last_handshake_at }: PeerStatus, nowMs: number): boolean {
  if (state !== 'connected' || last_handshake_at === null) return false
  return Math.abs(nowMs - Date.parse(last_handshake_at)) < maxHandshakeAgeMs
}
