import { describeError } from '@plexd/runtime'
import type { ServerChannel } from 'ssh2'
import { type ChannelRecording, type RecordedKind, recordChannel } from '../channel-recording.ts'
import { type Asked, commandOf } from '../programs/commands.ts'
import { sessionEnvironment } from '../programs/environment.ts'
import { type ProgramExit, type RunningProgram, runProgram } from '../programs/run-program.ts'
import type { ChannelOutput } from './channel-output.ts'
import { pump, writeWhole } from './pump.ts'
import type { Requests } from './requests.ts'
import type { SessionPlace } from './session-place.ts'

export interface ProgramRequest extends Requests {
  asked: Asked
  /** Of the channel. */
  number: number
  /** What the client has asked for before and does not get. */
  refused: readonly string[]
}

interface ProgramChannel {
  channel: ServerChannel
  output: ChannelOutput
}

/** The exit code when a program cannot be started, as shells have it. */
const notStarted = 126

/** Runs the program that a client asks for, until it has ended and the client has what it printed. Never rejects. */
export async function serveProgram(
  { channel, output }: ProgramChannel,
  request: ProgramRequest,
  place: SessionPlace,
): Promise<void> {
  channel.on('error', () => {}) // the client is gone, which closes it
  try {
    await tellRefused(request, output)
    const program = await start(request, place)
    await follow(program, { channel, output }, request, place)
  } catch (error) {
    const text = `plexd: ${describeError(error)}${request.terminal() ? '\r' : ''}\n`
    await output.write('stderr', Buffer.from(text))
    channel.exit(notStarted)
  }
  channel.end()
}

/** SSH has no words for it, so a person at a terminal gets them; scripts get what they read from a program, and no more. */
async function tellRefused(
  { refused, terminal }: ProgramRequest,
  output: ChannelOutput,
): Promise<void> {
  if (refused.length === 0 || !terminal()) return
  const text = `plexd: not forwarded here: ${refused.join(', ')}\r\n`
  await output.write('stderr', Buffer.from(text))
}

async function start(
  { asked, variables, terminal }: ProgramRequest,
  { claims, account, token, programs }: SessionPlace,
): Promise<RunningProgram> {
  if (!claims.shell) throw new Error('this session is for forwards only')
  const argv = await commandOf(asked, account.shell)
  const withTerminal = asked.kind === 'sftp' ? undefined : terminal()
  const identity = { sessionId: claims.session_id, token }
  const env = sessionEnvironment(account, identity, {
    term: withTerminal?.term,
    accepted: variables,
  })
  return await runProgram({ argv, account, env, terminal: withTerminal }, programs)
}

async function follow(
  program: RunningProgram,
  { channel, output }: ProgramChannel,
  request: ProgramRequest,
  place: SessionPlace,
): Promise<void> {
  const recording = recordChannel(place.recorder, request.number, recordedAs(request))
  const size = request.terminal()
  if (size && program.terminalPath) recording.resize(size.cols, size.rows)
  request.onResize((to) => {
    program.resize(to)
    recording.resize(to.cols, to.rows)
  })
  request.onSignal((name) => program.signal(name))
  using _login = logIn(program, place)
  feed(program, channel, { recording, place })
  channel.once('close', () => program.signal('HUP'))

  const shown = show(program, { channel, output }, { recording, place })
  const exit = await program.exited
  await shown()
  recording.end()
  tellExit(channel, exit)
}

/** A terminal that has shown nothing for so long after its program has ended has shown all, though others have it open. */
const quietMs = 200

interface Sides {
  recording: ChannelRecording
  place: SessionPlace
}

function feed(
  { stdin, terminalPath }: RunningProgram,
  channel: ServerChannel,
  { recording, place }: Sides,
): void {
  stdin.on('error', () => {}) // it reads no more
  const fed = pump(channel, async (bytes) => {
    place.count('in', bytes.length)
    await recording.input(bytes)
    await writeWhole(stdin, bytes)
  })
  // A terminal has no end for its program.
  void fed.ended.then(() => terminalPath === undefined && stdin.end())
}

/** Returns what waits until all is shown. */
function show(
  { stdout, stderr }: RunningProgram,
  { channel, output }: ProgramChannel,
  { recording, place }: Sides,
): () => Promise<void> {
  const pass = (stream: 'stdout' | 'stderr') => async (bytes: Buffer) => {
    await recording.output(bytes)
    place.count('out', bytes.length)
    await output.write(stream, bytes)
  }
  const pumps = [pump(stdout, pass('stdout')), ...(stderr ? [pump(stderr, pass('stderr'))] : [])]
  const close = (): void => {
    stdout.destroy()
    stderr?.destroy()
  }
  channel.once('close', close)
  return async () => {
    // What others that have them open print into pipes is waited for, as by OpenSSH; a terminal closes.
    if (stderr) await Promise.all(pumps.map(({ ended }) => ended))
    else await Promise.all(pumps.map(({ untilQuiet }) => untilQuiet(quietMs, place.clock)))
    close()
  }
}

function logIn({ pid, terminalPath }: RunningProgram, place: SessionPlace): Disposable {
  if (terminalPath === undefined) return { [Symbol.dispose]() {} }
  const { clock, claims, from: host } = place
  const record = { pid, terminalPath, login: claims.login, host, nowMs: clock.now() }
  const logOut = place.recordLogin(record)
  return { [Symbol.dispose]: () => logOut(clock.now()) }
}

function recordedAs({ asked, terminal }: ProgramRequest): { kind: RecordedKind; title: string } {
  if (asked.kind === 'sftp') return { kind: 'bytes', title: 'sftp' }
  const title = asked.kind === 'exec' ? `exec: ${asked.command}` : 'shell'
  return { kind: terminal() ? 'terminal' : 'command', title }
}

function tellExit(channel: ServerChannel, { code, signal }: ProgramExit): void {
  if (signal !== null) channel.exit(signal.replace(/^SIG/, ''), false, '')
  else channel.exit(code ?? notStarted)
}
