import type { Clock } from '@plexd/runtime'
import type { EchoAnswer } from './echo.ts'
import { msSince, startExchange } from './exchange.ts'
import type { PingSocket } from './ping-socket.ts'

/** A host on the way. */
export interface Hop {
  hop: number
  /** Empty if none answered. */
  address: string
  /** The milliseconds until the answer; null without one. */
  ms: number | null
}

export interface Trace {
  /** Up to the destination, or to the last hop that was tried. */
  hops: Hop[]
  reached: boolean
  /** The kernel did not send a packet, as when a policy of this node denies it. */
  refused: boolean
}

/** A host may limit its answers, so each hop is tried again. */
const rounds = 3
const patienceMs = 1_000
const packetBytes = 60

/** Finds the hosts on the way, by packets that may pass one host, two, three and so on. Takes up to three seconds, and uses up the socket. */
export async function trace(
  socket: PingSocket,
  address: string,
  { maxHops, clock, signal }: { maxHops: number; clock: Clock; signal: AbortSignal },
): Promise<Trace> {
  const seen = new Map<number, EchoAnswer & { ms: number }>()
  let refused = false
  let current = { round: 0, startMs: 0 }
  const exchange = startExchange(socket, address, {
    bytes: packetBytes,
    onAnswer: note,
    clock,
    signal,
  })
  for (let round = 0; round < rounds && !refused; round++) await ask(round)
  return { ...toTrace(seen, maxHops), refused }

  async function ask(round: number): Promise<void> {
    const startMs = clock.monotonic()
    current = { round, startMs }
    const asked = missing(seen, maxHops)
    refused = !asked.every((hop) => exchange.send(round * maxHops + hop, hop))
    await exchange.stepUntilOver(
      (elapsedMs) => missing(seen, maxHops).length === 0 || elapsedMs >= patienceMs,
    )
  }

  /** The answer to an earlier round has no time of its own, so it is left out. */
  function note(answer: EchoAnswer): void {
    const { round, startMs } = current
    const hop = answer.seq - round * maxHops
    if (hop < 1 || hop > maxHops || seen.has(hop)) return
    seen.set(hop, { ...answer, ms: msSince(startMs, clock) })
  }
}

/** The hops without an answer, up to the first that ended the way. */
function missing(seen: ReadonlyMap<number, EchoAnswer>, maxHops: number): number[] {
  const last = endOf(seen) ?? maxHops
  return Array.from({ length: last }, (_, at) => at + 1).filter((hop) => !seen.has(hop))
}

/** The nearest hop from which no packet went on: the destination, or a host that has no way to it. */
function endOf(seen: ReadonlyMap<number, EchoAnswer>): number | undefined {
  const ends = [...seen].flatMap(([hop, { kind }]) => (kind === 'exceeded' ? [] : [hop]))
  return ends.length === 0 ? undefined : Math.min(...ends)
}

function toTrace(
  seen: ReadonlyMap<number, EchoAnswer & { ms: number }>,
  maxHops: number,
): Omit<Trace, 'refused'> {
  const end = endOf(seen)
  const last = end ?? Math.min(maxHops, Math.max(0, ...seen.keys()) + 1)
  const hops = Array.from({ length: last }, (_, at): Hop => {
    const answer = seen.get(at + 1)
    return { hop: at + 1, address: answer?.from ?? '', ms: answer?.ms ?? null }
  })
  return { hops, reached: end !== undefined && seen.get(end)?.kind === 'reply' }
}
