import type { Socket } from 'node:net'
import { describeError } from '@plexd/runtime'
import type { AcceptConnection, RejectConnection, ServerChannel } from 'ssh2'
import { recordChannel } from '../channel-recording.ts'
import { mayForward } from '../forwards/forward-target.ts'
import { createChannelOutput } from './channel-output.ts'
import { pump, writeWhole } from './pump.ts'
import type { Refusals } from './refusal-text.ts'
import type { SessionPlace } from './session-place.ts'

interface Answer {
  accept: AcceptConnection<ServerChannel>
  reject: RejectConnection
}

interface AskedForward {
  host: string
  port: number
  /** Of the channel. */
  number: number
}

/** Connects a channel to what the session may reach, until both sides have ended. Never rejects. */
export async function serveForward(
  { accept, reject }: Answer,
  { host, port, number }: AskedForward,
  { place, refusals }: { place: SessionPlace; refusals: Refusals },
): Promise<void> {
  if (!mayForward(place.claims.forward, host, port)) {
    refusals.next('this session may not reach it')
    place.recorder?.marker(`forward to ${host}:${port} refused`)
    return reject()
  }
  const socket = await place.dial(host, port).catch((error: unknown) => describeError(error))
  if (typeof socket === 'string') {
    refusals.next(socket)
    return reject()
  }
  if (place.ended.aborted) return void socket.destroy()
  await splice(socket, accept(), { number, title: `forward to ${host}:${port}`, place })
}

interface Splice {
  number: number
  title: string
  place: SessionPlace
}

async function splice(
  socket: Socket,
  channel: ServerChannel,
  { number, title, place }: Splice,
): Promise<void> {
  const recording = recordChannel(place.recorder, number, { kind: 'bytes', title })
  const output = createChannelOutput(channel, place.out)
  const closed = Promise.withResolvers<void>()
  const channelClosed = Promise.withResolvers<void>()
  channel.once('close', channelClosed.resolve)
  channel.once('close', closed.resolve)
  socket.once('close', closed.resolve)
  channel.on('error', () => {}) // one of them is gone, which closes both
  socket.on('error', () => {})
  socket.allowHalfOpen = true
  const received = pump(channel, async (bytes) => {
    place.count('in', bytes.length)
    await recording.input(bytes)
    await writeWhole(socket, bytes)
  }).ended.then(() => void socket.end())
  const sent = pump(socket, async (bytes) => {
    place.count('out', bytes.length)
    await recording.output(bytes)
    await output.write('stdout', bytes)
  }).ended
  await Promise.race([sent, closed.promise])
  channel.eof()
  await Promise.race([received, closed.promise])
  await Promise.race([sent, channelClosed.promise])
  channel.end()
  socket.destroy()
  recording.end()
}
