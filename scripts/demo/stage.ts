import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAgentProcess } from '../programs/agent.ts'
import type { ProgramName } from '../programs/build.ts'
import { startControlPlaneProcess } from '../programs/control-plane.ts'
import { type Output, runProgram } from '../programs/program.ts'

/** A control plane and agents as real processes in a folder of their own. Disposing ends them and removes the folder. */
export interface Stage extends AsyncDisposable {
  readonly folder: string
  readonly serverUrl: string
  socketOf(hostname: string): string
  startAgent(hostname: string, token: string): Promise<void>
  /** Runs a program of ours to its end. */
  run(program: ProgramName, args: readonly string[], stdin?: string): Promise<Output>
}

export async function startStage(): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'plexd-demo-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const controlPlane = stack.use(await startControlPlaneProcess(folder))
  const exports = Object.entries(controlPlane.environment).map(
    ([name, value]) => `export ${name}='${value}'\n`,
  )
  await writeFile(join(folder, 'env'), exports.join(''))

  const opened = stack.move()
  return {
    folder,
    serverUrl: controlPlane.url,
    socketOf: (hostname) => join(folder, hostname, 'api.sock'),
    async startAgent(hostname, token) {
      opened.use(await startAgentProcess(folder, { hostname, token, controlPlane }))
    },
    run: (program, args, stdin) => runProgram(program, args, controlPlane.environment, stdin),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
