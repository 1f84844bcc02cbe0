import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { type LaunchOptions, launch, type RunningProgram } from './program.ts'

/** An agent as a process, which can be ended and started again with its data. */
export interface AgentProcess extends AsyncDisposable {
  readonly hostname: string
  /** Holds its data, its token file and its log. */
  readonly home: string
  readonly dataDir: string
  readonly socket: string
  /** The running process, or the last one. */
  program(): RunningProgram
  /** Starts it again after its end; resolves when it serves. `under` is a command that runs it, as strace. */
  start(under?: readonly string[]): Promise<void>
  /** `SIGTERM` when left out. */
  end(signal?: NodeJS.Signals): Promise<void>
}

export interface AgentOptions extends Partial<LaunchOptions> {
  hostname: string
  /** The bootstrap token. */
  token: string
  controlPlane: { url: string; caFile: string }
  args?: readonly string[]
  /** Whether it brings up a mesh interface; false when left out. */
  mesh?: boolean
}

/** Runs `plexd up` from `folder`/hostname; resolves when it has enrolled and serves. */
export async function startAgentProcess(
  folder: string,
  { hostname, token, controlPlane, args = [], mesh = false, ...options }: AgentOptions,
): Promise<AgentProcess> {
  const home = join(folder, hostname)
  const dataDir = join(home, 'data')
  const socket = join(home, 'api.sock')
  const tokenFile = join(home, 'token')
  await mkdir(home, { recursive: true })
  await writeFile(tokenFile, token, { mode: 0o600 })
  const up = ['up', '--api', controlPlane.url, '--ca-file', controlPlane.caFile]
  if (!mesh) up.push('--no-mesh')
  const own = ['--token-file', tokenFile, '--data-dir', dataDir, '--socket', socket]
  const launchIt = (under: readonly string[] = []): RunningProgram => {
    const started = launch('plexd', [...up, ...own, '--hostname', hostname, ...args], {
      logFile: join(home, 'plexd.log'),
      ...options,
      prefix: [...(options.prefix ?? []), ...under],
    })
    started.child.stdout?.resume()
    return started
  }

  let program = launchIt()
  await serves(socket, program)
  return {
    hostname,
    home,
    dataDir,
    socket,
    program: () => program,
    async start(under) {
      // The socket of a killed process must not be taken for the new one's.
      await rm(socket, { force: true })
      program = launchIt(under)
      await serves(socket, program)
    },
    end: (signal) => program.end(signal),
    [Symbol.asyncDispose]: () => program.end(),
  }
}

/** Asks for the node id, because the socket exists before the machine has enrolled. */
async function serves(socket: string, { child, log }: RunningProgram): Promise<void> {
  const local = createClient(localApi, createUnixTransport(socket, 1_000))
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null)
      throw new Error(`start agent: it ended with code ${child.exitCode}: ${await log()}`)
    const answer = await local.getStatus({}).catch(() => undefined)
    if (answer && answer.body.node_id !== '') return
    await delay(25)
  }
  throw new Error(`start agent: no node serves "${socket}" after 15 s: ${await log()}`)
}
