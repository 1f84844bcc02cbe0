import type { Clock } from '@plexd/runtime'
import { msSince, startExchange } from './exchange.ts'
import type { PingSocket } from './ping-socket.ts'

export interface Ping {
  /** In the order of sending. */
  echoes: {
    /** The milliseconds until the reply; null without one. */
    ms: number | null
    /** The kernel did not send it, as when a policy of this node denies it. */
    refused: boolean
  }[]
}

const eachMs = 200
/** After the last request. A reply that takes longer counts as lost. */
const patienceMs = 1_000
/** As `ping` sends by default: 56 bytes of data. */
const packetBytes = 84

/** Sends `count` requests, five a second, and waits for their replies. The socket is used up by it. */
export async function ping(
  socket: PingSocket,
  address: string,
  { count, clock, signal }: { count: number; clock: Clock; signal: AbortSignal },
): Promise<Ping> {
  const echoes: Ping['echoes'] = []
  const sentMs: number[] = []
  const exchange = startExchange(socket, address, {
    bytes: packetBytes,
    onAnswer({ kind, seq, from }) {
      const echo = kind === 'reply' && from === address ? echoes[seq] : undefined
      if (echo?.ms === null) echo.ms = msSince(sentMs[seq] ?? 0, clock)
    },
    clock,
    signal,
  })

  function send(): void {
    sentMs.push(clock.monotonic())
    const isSent = exchange.send(echoes.length)
    echoes.push({ ms: null, refused: !isSent })
  }

  function step(elapsedMs: number): boolean {
    if (echoes.length < count) {
      if (elapsedMs >= echoes.length * eachMs) send()
      return false
    }
    return echoes.every(isSettled) || elapsedMs >= (count - 1) * eachMs + patienceMs
  }
  await exchange.stepUntilOver(step)
  return { echoes }
}

function isSettled({ ms, refused }: Ping['echoes'][number]): boolean {
  return ms !== null || refused
}
