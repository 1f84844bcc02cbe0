import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { ExecError } from '@plexd/runtime'
import type { Host } from './lab.ts'
import { kill } from './namespace.ts'

type Place = Pick<Host, 'exec' | 'spawn'>

/**
 * How many of `count` pings to an address were answered. Once one was, ping waits for the last no longer than twice the slowest or one
 * interval, whatever `waitMs` says, so on a busy machine the last may be missing: see `lostPings`.
 */
export async function ping(
  from: Place,
  to: string,
  { count = 1, intervalMs = 20, waitMs = 1_000 } = {},
): Promise<number> {
  const times = ['-c', `${count}`, '-i', `${intervalMs / 1_000}`, '-W', `${waitMs / 1_000}`]
  const text = await from
    .exec(['ping', '-n', '-q', ...times, to], { timeoutMs: 600_000 })
    .catch((error: unknown) => {
      if (error instanceof ExecError && (error.exitCode === 1 || noWay.test(error.stderr)))
        return ', 0 received'
      throw error
    })
  return Number(/, (\d+) received/.exec(text)?.[1])
}

/** Then ping does not even try. */
const noWay = /No route to host|unreachable/

/** Which of the addresses answer, each to one ping; all are asked at once. */
export async function pingAll(
  from: Place,
  addresses: readonly string[],
  waitMs = 5_000,
): Promise<string[]> {
  const script = `wait=$1; shift
    for to; do ping -n -q -c 1 -W "$wait" "$to" >/dev/null && echo "$to" & done; wait`
  const command = ['sh', '-c', script, 'sh', `${waitMs / 1_000}`, ...addresses] as const
  return (await from.exec(command, { timeoutMs: 60_000 })).split('\n').filter(Boolean).sort()
}

/** Until all of the addresses answer. */
export async function untilAllPing(
  from: Place,
  addresses: readonly string[],
  withinMs = 20_000,
): Promise<void> {
  const startedMs = performance.now()
  for (;;) {
    const answered = await pingAll(from, addresses, 1_000)
    if (answered.length === addresses.length) return
    if (performance.now() - startedMs > withinMs) {
      const silent = addresses.filter((address) => !answered.includes(address))
      throw new Error(`ping ${silent.join(', ')}: no answer in ${withinMs} ms`)
    }
    await delay(100)
  }
}

/** Less than the 15 s after which WireGuard itself renews a silent session, so that this cannot hide a fault. */
const withoutDoubtMs = 14_000

/** Pings until there is an answer; resolves to the time that took. */
export async function untilPing(
  from: Place,
  to: string,
  withinMs = withoutDoubtMs,
): Promise<number> {
  const startedMs = performance.now()
  for (;;) {
    if ((await ping(from, to, { count: 5, waitMs: 200 })) > 0) return performance.now() - startedMs
    const elapsedMs = performance.now() - startedMs
    if (elapsedMs > withinMs)
      throw new Error(`ping ${to}: no answer in ${Math.round(elapsedMs)} ms`)
  }
}

/** How many of at least `count` pings were not answered, however late. */
export async function lostPings(from: Place, to: string, count = 20): Promise<number> {
  const running = startPing(from, to, 20)
  await running.untilSent(count)
  const { sent, received } = await running.stop()
  return sent - received
}

export interface RunningPing {
  untilSent(count: number): Promise<void>
  /** Ends it; resolves to the numbers of packets sent and answered. */
  stop(): Promise<{ sent: number; received: number }>
}

/**
 * Pings every `intervalMs` until it is ended. The answers to what was sent before are waited for, because they may still
 * be on their way.
 */
export function startPing(from: Place, to: string, intervalMs = 5): RunningPing {
  const child = from.spawn(['ping', '-n', '-i', `${intervalMs / 1_000}`, to])
  const text = gather(child.stdout)
  const complaints = gather(child.stderr)

  const answeredOf = (sent: number): number => {
    const answers = text().matchAll(/icmp_seq=(\d+) ttl=/g)
    return new Set(Array.from(answers, ([, seq]) => Number(seq)).filter((seq) => seq <= sent)).size
  }

  /** How many it has sent by now. It says so when it is asked, on stderr: `\r12/13 packets, 7% loss`. */
  async function countSent(): Promise<number> {
    for (let asked = 0; asked < 200; asked++) {
      if (child.exitCode !== null) break
      if (isAsking(child.pid)) child.kill('SIGQUIT')
      const [, sent = 0] = [...complaints().matchAll(/\d+\/(\d+) packets/g)].at(-1) ?? []
      if (Number(sent) > 0) return Number(sent)
      await delay(50)
    }
    throw new Error(`ping ${to}: it sent nothing: ${complaints()}`)
  }

  return {
    async untilSent(count) {
      const endMs = performance.now() + 30_000
      for (let sent = 0; sent < count; sent = await countSent()) {
        if (performance.now() > endMs) throw new Error(`ping ${to}: it sent ${sent} of ${count}`)
        await delay(20)
      }
    },
    async stop() {
      const sent = await countSent()
      const endMs = performance.now() + lateMs
      while (answeredOf(sent) < sent && performance.now() < endMs) await delay(20)
      child.kill('SIGINT')
      if (child.exitCode === null) await once(child, 'close')
      return { sent, received: answeredOf(sent) }
    },
  }
}

/** An answer that takes longer counts as lost. */
const lateMs = 2_000

/** Whether it is the ping by now, and listens to SIGQUIT, which would end what it was before. */
function isAsking(pid = 0): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const [, caught = '0'] = /^SigCgt:\s+([0-9a-f]+)$/m.exec(status) ?? []
  return /^Name:\s+ping$/m.test(status) && (BigInt(`0x${caught}`) & sigquitBit) !== 0n
}

/** Signal 3, counted from one. */
const sigquitBit = 0b100n

const streamProgram = join(import.meta.dirname, 'tcp-stream.ts')

/** Sends bytes over TCP; resolves when the other end has confirmed that all of them arrived intact. */
export async function tcpStream(
  from: Place,
  to: Place,
  address: string,
  bytes = 1_000_000,
): Promise<void> {
  const listener = to.spawn([process.execPath, streamProgram, 'listen', address])
  try {
    const lines = createInterface(listener.stdout ?? process.stdin)
    const [port] = await once(lines, 'line', { signal: AbortSignal.timeout(30_000) })
    const send = [process.execPath, streamProgram, 'send', address, `${port}`, `${bytes}`] as const
    await from.exec(send, { timeoutMs: 30_000 })
  } finally {
    await kill(listener)
  }
}

export interface Capture extends AsyncDisposable {
  /** A line per packet, as printed by tcpdump. */
  packets(): string[]
}

/** Captures packets that match a tcpdump filter on an interface; resolves once it captures. */
export async function capture(
  where: Place,
  { filter, on = 'any' }: { filter: string; on?: string },
): Promise<Capture> {
  const child = where.spawn(['tcpdump', '-i', on, '-nn', '-l', '--immediate-mode', filter])
  const text = gather(child.stdout)
  const complaints: string[] = []
  for await (const line of createInterface(child.stderr ?? process.stdin)) {
    complaints.push(line)
    if (line.startsWith('listening on')) break
  }
  if (child.exitCode !== null) throw new Error(`capture packets: ${complaints.join(' ')}`)
  return {
    packets: () => text().split('\n').filter(Boolean),
    [Symbol.asyncDispose]: () => kill(child),
  }
}

function gather(stream: ChildProcess['stdout']): () => string {
  let text = ''
  stream?.on('data', (chunk: Buffer) => {
    text += chunk
  })
  return () => text
}
