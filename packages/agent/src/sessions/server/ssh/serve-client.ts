import type { Duplex } from 'node:stream'
import type { AcceptConnection, Connection, RejectConnection, ServerChannel, Session } from 'ssh2'
import type { Asked } from '../programs/commands.ts'
import { watchModes } from './asked-modes.ts'
import { createChannelOutput } from './channel-output.ts'
import { serveForward } from './forward-channel.ts'
import { type ProgramRequest, serveProgram } from './program-channel.ts'
import { explainRefusals } from './refusal-text.ts'
import { acceptRequests, type RequestDeps } from './requests.ts'
import type { SessionPlace } from './session-place.ts'

const maxChannels = 10

/** Serves what an accepted client asks for, until it goes. */
export function serveClient(client: Connection, stream: Duplex, place: SessionPlace): void {
  const refusals = explainRefusals(client)
  const track = refuseMoreThanWindow(stream)
  const modes = watchModes(client)
  const refused = new Set<string>()
  const open = new Set<number>()
  let count = 0

  function onRefused(what: string): void {
    refused.add(what)
    place.recorder?.marker(`forwarding of ${what} refused`)
  }

  /** The number of a new channel; undefined if there are too many. */
  function takeChannel(reject: RejectConnection): number | undefined {
    if (open.size >= maxChannels) {
      refusals.next(`this session has ${maxChannels} channels already`)
      reject()
      return undefined
    }
    const number = ++count
    open.add(number)
    return number
  }

  client.on('session', (accept, reject) => {
    const number = takeChannel(reject)
    if (number === undefined) return
    const session = accept()
    session.once('close', () => void open.delete(number))
    serveSession(session, number, { place, track, modes, refused, onRefused })
  })
  client.on('tcpip', (accept, reject, { destIP, destPort }) => {
    const number = takeChannel(reject)
    if (number === undefined) return
    const asked = { host: destIP, port: destPort, number }
    void serveForward({ accept: () => track(accept()), reject }, asked, {
      place,
      refusals,
    }).finally(() => open.delete(number))
  })
  client.on('openssh.streamlocal', (_accept, reject) => {
    refusals.next('sockets of the node are not forwarded')
    reject()
  })
  // Ports of the node are not opened for anybody. There is no place for a reason in the answer (RFC 4254 section 4).
  client.on('request', (_accept: unknown, reject: (() => void) | undefined, name: string) => {
    place.log.info('request of a session refused', {
      session_id: place.claims.session_id,
      request: name,
    })
    if (!name.startsWith('cancel-')) onRefused('ports of the node')
    reject?.()
  })
}

interface Serving extends RequestDeps {
  place: SessionPlace
  track: Track
  /** What the client has asked for and does not get. */
  refused: ReadonlySet<string>
}

/** The first of shell, command or files that is asked for. */
function serveSession(session: Session, number: number, serving: Serving): void {
  const { place, track, refused } = serving
  const requests = acceptRequests(session, serving)

  function start(accept: AcceptConnection<ServerChannel>, asked: Asked): void {
    const channel = track(accept())
    const request: ProgramRequest = { ...requests, asked, number, refused: [...refused] }
    const output = createChannelOutput(channel, place.out)
    place.shown.add(channel)
    void serveProgram({ channel, output }, request, place).finally(() =>
      place.shown.delete(channel),
    )
  }

  session.on('shell', (accept) => start(accept, { kind: 'shell' }))
  session.on('exec', (accept, _reject, { command }) => start(accept, { kind: 'exec', command }))
  session.on('subsystem', (accept, reject, { name }) => {
    if (name === 'sftp') start(accept, { kind: 'sftp' })
    else reject()
  })
}

type Track = (channel: ServerChannel) => ServerChannel

/** Twice the window of ssh2, which takes what a client sends beyond it. */
const maxUnreadBytes = 4 * 1024 * 1024

/** Cuts off a client that sends more than was asked for: it would fill the memory. */
function refuseMoreThanWindow(stream: Duplex): Track {
  const channels = new Set<ServerChannel>()
  stream.on('data', () => {
    for (const { readableLength } of channels) if (readableLength > maxUnreadBytes) stream.destroy()
  })
  return (channel) => {
    channels.add(channel)
    channel.once('close', () => void channels.delete(channel))
    return channel
  }
}
