import { constants } from 'node:os'
import { finished } from 'node:stream/promises'
import { CliError, describeError } from '@plexd/runtime'
import type { Client, ClientChannel, PseudoTtyOptions } from 'ssh2'
import { onResize, rawMode, type Streams, sizeOf } from '../../../terminal/streams.ts'

export interface RemoteProgram {
  /** A command line for the shell of the login; absent for a shell. */
  command?: string
  /** Whether it gets a terminal. */
  tty: boolean
  env: Readonly<Record<string, string | undefined>>
}

/** How it ended: by itself, by a signal such as `SIGTERM`, or with the connection. */
export type RemoteEnd = { code: number } | { signal: string } | 'cut'

/** Runs a program on a node, with our standard streams as its own. Resolves when all of its output is written. */
export async function runRemote(
  client: Client,
  program: RemoteProgram,
  streams: Streams,
): Promise<RemoteEnd> {
  using stack = new DisposableStack()
  // What waits for input would keep plexctl from ending. Last, as a terminal that is not open stays raw.
  stack.defer(() => streams.stdin.unpipe().destroy())
  if (program.tty) stack.use(await rawMode(streams))
  const { channel, ended } = await open(client, program, sizeOf(streams))
  const written = finished(channel.stderr).catch(() => undefined)
  channel.pipe(streams.stdout, { end: false })
  channel.stderr.pipe(streams.stderr, { end: false })
  if (program.tty)
    stack.use(onResize(streams, ({ rows, columns }) => channel.setWindow(rows, columns, 0, 0)))
  const { promise: left, resolve: leave } = Promise.withResolvers<RemoteEnd>()
  // Of a terminal, keys carry signals, and a signal to us means that it is gone.
  let isForProgram = !program.tty
  stack.use(
    streams.onSignal((signal) => {
      // ssh2 sends none once our input has ended. A second one is for us.
      if (!isForProgram || streams.stdin.readableEnded) return leave({ signal })
      isForProgram = false
      channel.signal(signal.replace('SIG', ''))
    }),
  )
  streams.stdin.on('error', () => channel.end()).pipe(channel)
  const end = await Promise.race([ended.then((last) => written.then(() => last)), left])
  channel.close()
  return end
}

/** The exit code for a shell: that of the program, or 128 and its signal, as shells have it. */
export function exitCodeOf(end: Exclude<RemoteEnd, 'cut'>): number {
  if ('code' in end) return end.code
  return 128 + (constants.signals[end.signal as NodeJS.Signals] ?? 0) // undefined for a name that is none
}

interface Running {
  channel: ClientChannel
  ended: Promise<RemoteEnd>
}

function open(
  client: Client,
  { command, tty, env }: RemoteProgram,
  { columns, rows }: { columns: number; rows: number },
): Promise<Running> {
  const pty: PseudoTtyOptions = { cols: columns, rows, term: env.TERM || 'xterm' }
  const options = { env: localeOf(env), ...(tty ? { pty } : {}) }
  return new Promise((resolve, reject) => {
    // At once: a short program's end may be in the same packet.
    const opened = (error: Error | undefined, channel: ClientChannel): void =>
      error
        ? reject(new CliError(`start a program there: ${describeError(error)}`))
        : resolve({ channel, ended: watchEnd(channel) })
    if (command !== undefined) client.exec(command, options, opened)
    else client.shell(tty ? pty : false, options, opened)
  })
}

/** As most clients send them and most servers take them. */
function localeOf(env: RemoteProgram['env']): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => /^(LANG|LC_\w+)$/.test(name)))
}

function watchEnd(channel: ClientChannel): Promise<RemoteEnd> {
  return new Promise((resolve) => {
    let end: RemoteEnd = 'cut'
    channel.on('exit', (code: number | null, signal?: string) => {
      end = code === null ? { signal: signal ?? '' } : { code }
    })
    channel.on('close', () => resolve(end))
    channel.on('error', () => channel.close())
  })
}
