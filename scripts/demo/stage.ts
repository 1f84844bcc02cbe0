import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAgentProcess } from '../programs/agent.ts'
import { startControlPlaneProcess } from '../programs/control-plane.ts'
import { startJanitor } from '../programs/janitor.ts'
import { type Output, runProgram } from '../programs/program.ts'

/** A control plane and agents as real processes, in a folder of their own. Disposing ends them and removes it. */
export interface Stage extends AsyncDisposable {
  readonly folder: string
  readonly serverUrl: string
  socketOf(hostname: string): string
  /** Enrols an agent and waits until it serves. */
  startAgent(hostname: string): Promise<void>
  plexctl(args: readonly string[], stdin?: string): Promise<Output>
  plexd(hostname: string, args: readonly string[]): Promise<Output>
  /** What to type in another terminal. */
  readonly invitation: string
}

/** In the machine's own network, for any user. */
export async function startStage(): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'plexd-demo-'))
  stack.use(startJanitor({ folder }))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const controlPlane = stack.use(await startControlPlaneProcess(folder))
  const exports = Object.entries(controlPlane.environment).map(
    ([name, value]) => `export ${name}='${value}'\n`,
  )
  await writeFile(join(folder, 'env'), exports.join(''))

  const opened = stack.move()
  const socketOf = (hostname: string): string => join(folder, hostname, 'api.sock')
  const plexctl: Stage['plexctl'] = (args, stdin) =>
    runProgram('plexctl', args, controlPlane.environment, stdin)
  return {
    folder,
    serverUrl: controlPlane.url,
    socketOf,
    async startAgent(hostname) {
      const { code, stdout, stderr } = await plexctl(['token', 'create', '--hostname', hostname])
      if (code !== 0) throw new Error(`create token: ${stderr.trim()}`)
      const token = stdout.trim()
      opened.use(await startAgentProcess(folder, { hostname, token, controlPlane }))
    },
    plexctl,
    plexd: (hostname, args) =>
      runProgram('plexd', args, { PLEXD_NODE_API_SOCKET: socketOf(hostname) }),
    invitation: `In another terminal, in this folder:

  . ${folder}/env
  ./run plexctl node list
  ./run plexctl event tail web-01
  ./run plexctl policy list
  curl -s --unix-socket ${socketOf('web-01')} http://localhost/v1/state`,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
