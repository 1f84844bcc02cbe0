import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What the process can be told to do; see `Traffic`. */
export type TrafficCall =
  | ['listen', address: string, port: number]
  | ['fail', patienceMs: number, protocol: 'tcp' | 'udp', address: string, port: number]
  | ['open', address: string, port: number]
  | ['answers', patienceMs: number]
  | ['startFlood', address: string, port: number, packetsPerSecond: number]
  | ['stopFlood']

export interface TrafficAnswer {
  id: number
  result?: unknown
  /** What went wrong, in place of a result. */
  error?: string
}

let stays: Socket | undefined
let flood: { socket: UdpSocket; timer: NodeJS.Timeout; sent: number; answered: number } | undefined

process.on('message', async ({ id, call }: { id: number; call: TrafficCall }) => {
  const outcome = await answer(call).then(
    (result) => ({ result }),
    (error: Error) => ({ error: `${call.join(' ')}: ${error.message}` }),
  )
  process.send?.({ id, ...outcome } satisfies TrafficAnswer)
})
process.on('disconnect', () => process.exit())

async function answer(call: TrafficCall): Promise<unknown> {
  switch (call[0]) {
    case 'listen':
      return listen(call[1], call[2])
    case 'fail':
      return (call[2] === 'tcp' ? failTcp : failUdp)(call[1], call[3], call[4])
    case 'open':
      stays = connect(call[2], call[1])
      await once(stays, 'connect')
      stays.on('error', () => {})
      return
    case 'answers':
      return stays !== undefined && echoes(call[1], stays)
    case 'startFlood':
      return startFlood(call[1], call[2], call[3])
    case 'stopFlood':
      return stopFlood()
  }
}

async function listen(address: string, port: number): Promise<void> {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket))
  server.listen(port, address)
  await once(server, 'listening')
  const udp = createSocket('udp4')
  udp.on('message', (bytes, from) => udp.send(bytes, from.port, from.address))
  udp.bind(port, address)
  await once(udp, 'listening')
}

/** Empty when it is reached, else why not. */
async function failTcp(patienceMs: number, address: string, port: number): Promise<string> {
  const startedMs = performance.now()
  const socket = connect(port, address)
  socket.on('error', () => {})
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(patienceMs) })
    return (await echoes(patienceMs, socket)) ? '' : 'connected, and no echo'
  } catch (error) {
    return `${error} after ${Math.round(performance.now() - startedMs)} ms`
  } finally {
    socket.destroy()
  }
}

async function echoes(patienceMs: number, socket: Socket): Promise<boolean> {
  socket.write('?')
  return Promise.race([
    once(socket, 'data').then(
      () => true,
      () => false,
    ),
    delay(patienceMs, false),
  ])
}

async function failUdp(patienceMs: number, address: string, port: number): Promise<string> {
  const socket = createSocket('udp4')
  // What the kernel refuses to send is reported as an error.
  socket.on('error', () => {}).send('?', port, address, () => {})
  try {
    return await Promise.race([
      once(socket, 'message').then(() => ''),
      delay(patienceMs, `no answer in ${patienceMs} ms`),
    ])
  } finally {
    socket.close()
  }
}

function startFlood(address: string, port: number, packetsPerSecond: number): void {
  const socket = createSocket('udp4')
  const startedMs = performance.now()
  const send = (): void => {
    const due = ((performance.now() - startedMs) / 1_000) * packetsPerSecond
    for (; count.sent < due; count.sent++) socket.send('x', port, address, () => {})
  }
  const count = { socket, timer: setInterval(send, 2), sent: 0, answered: 0 }
  socket.on('error', () => {}).on('message', () => count.answered++)
  flood = count
}

async function stopFlood(): Promise<{ sent: number; answered: number }> {
  if (!flood) throw new Error('no flood was started')
  clearInterval(flood.timer)
  await delay(100)
  flood.socket.close()
  const { sent, answered } = flood
  return { sent, answered }
}
