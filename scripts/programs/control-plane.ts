import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type LaunchOptions, launch, type RunningProgram } from './program.ts'

/** A control plane as a process, which can be ended and started again with its port and data. */
export interface ControlPlaneProcess extends AsyncDisposable {
  /** `https://host:port`, the same after each start. */
  readonly url: string
  readonly dataDir: string
  readonly caFile: string
  readonly adminTokenFile: string
  /** Environment in which `plexctl` finds it. */
  readonly environment: Readonly<Record<string, string>>
  /** The running process, or the last one. */
  program(): RunningProgram
  /** Starts it again after its end. Rejects when it ends before it listens. */
  start(): Promise<void>
  /** `SIGTERM` when left out. */
  end(signal?: NodeJS.Signals): Promise<void>
}

export interface ControlPlaneOptions extends Partial<LaunchOptions> {
  args?: readonly string[]
  /** `127.0.0.1:0` when left out. */
  listen?: string
  /** `off` when left out: there may be many control planes on one machine. */
  stun?: string
  /** How long it may take until it listens, in milliseconds. */
  startMs?: number
}

/** With its data in `folder`/control-plane, which may exist already. */
export async function startControlPlaneProcess(
  folder: string,
  {
    args = [],
    listen = '127.0.0.1:0',
    stun = 'off',
    startMs = usualStartMs,
    ...options
  }: ControlPlaneOptions = {},
): Promise<ControlPlaneProcess> {
  const dataDir = join(folder, 'control-plane')
  const caFile = join(dataDir, 'ca.crt')
  const adminTokenFile = join(dataDir, 'admin-token')
  const launchOn = (listen: string): RunningProgram =>
    launch(
      'control-plane',
      ['serve', '--data-dir', dataDir, '--listen', listen, '--stun-listen', stun, ...args],
      {
        logFile: join(folder, 'control-plane.log'),
        ...options,
      },
    )

  let program = launchOn(listen)
  const url = await announcedUrl(program, startMs)
  return {
    url,
    dataDir,
    caFile,
    adminTokenFile,
    environment: {
      PLEXCTL_SERVER: url,
      PLEXCTL_CA_FILE: caFile,
      PLEXCTL_TOKEN_FILE: adminTokenFile,
    },
    program: () => program,
    async start() {
      program = launchOn(new URL(url).host)
      await announcedUrl(program, startMs)
    },
    end: (signal) => program.end(signal),
    [Symbol.asyncDispose]: () => program.end(),
  }
}

async function announcedUrl(program: RunningProgram, startMs: number): Promise<string> {
  const { stdout } = program.child
  if (!stdout) throw new Error('start control plane: it has no output')
  const signal = AbortSignal.timeout(startMs)
  for await (const line of createInterface({ input: stdout, signal })) {
    const [, url] = /listening on (https?:\/\/\S+)/.exec(line) ?? []
    if (url !== undefined) {
      stdout.resume()
      return url
    }
  }
  const why = signal.aborted ? `it did not listen in ${startMs} ms` : 'it ended before it listened'
  throw new Error(`start control plane: ${why}: ${await lastLines(program)}`)
}

/** With many nodes in its database, on a busy machine. */
const usualStartMs = 120_000

async function lastLines(program: RunningProgram): Promise<string> {
  return (await program.log()).split('\n').slice(-5).join('\n')
}
