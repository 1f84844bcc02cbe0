import type { Clock } from '@plexd/runtime'
import { formatEcho, parseReply } from './echo.ts'
import { drawEchoId, stepUntilOver } from './exchange.ts'
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
  const id = drawEchoId()
  const echoes: Ping['echoes'] = []
  const sentMs: number[] = []

  function send(): void {
    const seq = echoes.length
    sentMs.push(clock.monotonic())
    const isSent = socket.send(formatEcho({ id, seq, size: packetBytes }), address)
    echoes.push({ ms: null, refused: !isSent })
  }

  socket.follow((packet) => {
    const reply = packet === 'overrun' ? undefined : parseReply(packet, id)
    const echo = reply?.from === address ? echoes[reply.seq] : undefined
    if (reply && echo?.ms === null) echo.ms = round(clock.monotonic() - (sentMs[reply.seq] ?? 0))
  })

  function step(elapsedMs: number): boolean {
    if (echoes.length < count) {
      if (elapsedMs >= echoes.length * eachMs) send()
      return false
    }
    return echoes.every(isSettled) || elapsedMs >= (count - 1) * eachMs + patienceMs
  }
  await stepUntilOver(step, { clock, signal })
  return { echoes }
}

function isSettled({ ms, refused }: Ping['echoes'][number]): boolean {
  return ms !== null || refused
}

/** To a thousandth of a millisecond, as `ping` prints. */
function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}
