import type { Clock } from '@plexd/runtime'
import { formatEcho, parseReply } from './echo.ts'
import { drawEchoId } from './exchange.ts'
import type { PingSocket } from './ping-socket.ts'

/** The largest packet that reaches a peer and comes back. */
export type PathSize =
  /** One of our MTU. */
  | 'whole'
  /** Not even a small one is answered: a policy denies it, or the peer is silent. */
  | 'unknown'
  /** In bytes. */
  | number

/** Every path takes this. */
const smallBytes = 100
/** Tried if our MTU does not pass: what PPPoE and other tunnels leave, and the IPv6 minimum. */
const ladder = [
  1_412, 1_400, 1_380, 1_360, 1_340, 1_320, 1_300, 1_280, 1_240, 1_200, 1_100, 1_000, 800, 576,
]
const patienceMs = 1_000
const askEachMs = 50

/** Probes all of these peers at once. */
export async function probeSizes(
  socket: PingSocket,
  addresses: readonly string[],
  { mtu, clock, signal }: { mtu: number; clock: Clock; signal: AbortSignal },
): Promise<Map<string, PathSize>> {
  const asker = createAsker(socket, clock)
  const first = await asker.ask(addresses, [smallBytes, mtu], signal)
  const doubtful = addresses.filter((address) => isCut(first.get(address), mtu))
  // Packets get lost, so a problem must be seen twice.
  const second = await asker.ask(
    doubtful,
    [smallBytes, ...ladder.filter((size) => size < mtu), mtu],
    signal,
  )
  return new Map(
    addresses.map((address) => [
      address,
      sizeOf(second.get(address) ?? first.get(address) ?? new Set(), mtu),
    ]),
  )
}

function isCut(passed: ReadonlySet<number> | undefined, mtu: number): boolean {
  return passed?.has(smallBytes) === true && !passed.has(mtu)
}

function sizeOf(passed: ReadonlySet<number>, mtu: number): PathSize {
  if (passed.has(mtu)) return 'whole'
  return passed.has(smallBytes) ? Math.max(...passed) : 'unknown'
}

function createAsker(socket: PingSocket, clock: Clock) {
  const id = drawEchoId()
  let seq = 0

  /** The sizes that came back, by address. */
  async function ask(
    addresses: readonly string[],
    sizes: readonly number[],
    signal: AbortSignal,
  ): Promise<Map<string, Set<number>>> {
    const waiting = new Map<number, { address: string; size: number }>()
    const passed = new Map<string, Set<number>>()
    for (const address of addresses)
      for (const size of sizes) {
        seq = (seq + 1) % 65_536
        // A policy that denies the first one denies all.
        if (!socket.send(formatEcho({ id, seq, size }), address)) break
        waiting.set(seq, { address, size })
      }
    const untilMs = clock.monotonic() + patienceMs
    while (waiting.size > 0 && clock.monotonic() < untilMs) {
      await clock.sleep(askEachMs, signal)
      for (const packet of socket.read()) {
        const reply = parseReply(packet, id)
        const asked = reply && waiting.get(reply.seq)
        if (!asked || asked.address !== reply.from) continue
        waiting.delete(reply.seq)
        passed.set(asked.address, (passed.get(asked.address) ?? new Set()).add(asked.size))
      }
    }
    return passed
  }

  return { ask }
}
