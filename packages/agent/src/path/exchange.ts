import type { Clock } from '@plexd/runtime'
import { type EchoAnswer, formatEcho, parseAnswer } from './echo.ts'
import type { PingSocket } from './ping-socket.ts'

const lookEachMs = 10

/** The identifier of the echo requests of one exchange: any, so that two at a time do not take each other's replies. */
export function drawEchoId(): number {
  return Math.floor(Math.random() * 65_536)
}

/** Echo requests to one address, and what is answered. */
export interface Exchange {
  /** Each with a `seq` of its own. False if the kernel refuses. */
  send(seq: number, hops?: number): boolean
  /** Takes a step each 10 ms, with the milliseconds since the first, until one says that it is over. Rejects if the signal aborts. */
  stepUntilOver(step: (elapsedMs: number) => boolean): Promise<void>
}

export interface ExchangeOptions {
  /** Of a packet, with its IP header. */
  bytes: number
  onAnswer(answer: EchoAnswer): void
  clock: Clock
  signal: AbortSignal
}

/** Follows the socket from now on, which is used up by it. */
export function startExchange(
  socket: PingSocket,
  address: string,
  { bytes, onAnswer, clock, signal }: ExchangeOptions,
): Exchange {
  const id = drawEchoId()
  socket.follow((packet) => {
    const answer = packet === 'overrun' ? undefined : parseAnswer(packet, id)
    if (answer) onAnswer(answer)
  })
  return {
    send: (seq, hops) => socket.send(formatEcho({ id, seq, size: bytes }), address, hops),
    async stepUntilOver(step) {
      const startMs = clock.monotonic()
      while (!step(clock.monotonic() - startMs)) await clock.sleep(lookEachMs, signal)
    },
  }
}

/** To a thousandth of a millisecond, as `ping` prints. */
export function msSince(startMs: number, clock: Clock): number {
  return Math.round((clock.monotonic() - startMs) * 1_000) / 1_000
}
