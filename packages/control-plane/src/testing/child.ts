import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { until } from '@plexd/runtime/testing'

/** The program in a process of its own. */
export interface ControlPlaneProcess extends AsyncDisposable {
  /** Where it says that it listens. */
  readonly url: string
  readonly process: ChildProcess
  kill(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** Runs `serve` with the arguments and waits for its line. Rejects with what it printed when it ends instead. */
export function startProcess(args: readonly string[]): Promise<ControlPlaneProcess> {
  return startScript(join(import.meta.dirname, '../main.ts'), ['serve', ...args])
}

/** The same of another program, which says where it listens as `serve` does. */
export async function startScript(
  file: string,
  args: readonly string[],
): Promise<ControlPlaneProcess> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]> // as `exit` is documented
  const url = await readUrl(child).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  const kill: ControlPlaneProcess['kill'] = async (name) => {
    child.kill(name)
    const [code, signal] = await exited
    return { code, signal }
  }
  return {
    url,
    process: child,
    kill,
    async [Symbol.asyncDispose]() {
      await kill('SIGKILL')
    },
  }
}

function readUrl(child: ChildProcess): Promise<string> {
  let output = ''
  let errors = ''
  let exit: string | undefined
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk
  })
  child.on('close', (code) => {
    exit = `serve ended with ${code}`
  })
  return until(
    'serve says where it listens',
    () => {
      const [, url] = /^listening on (\S+)\n/m.exec(output) ?? []
      if (url === undefined && exit) throw new Error(`${exit}: ${errors.trim()}`)
      return url
    },
    60_000,
  )
}
