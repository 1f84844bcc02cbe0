import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from './until.ts'

export interface ChildResult {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface RunningChild {
  kill(signal: NodeJS.Signals): void
  /** Resolves once the child has printed the text. */
  printed(text: string): Promise<void>
}

/** Runs a module's text in a separate Node process; `act` gets the process once it has printed "ready". */
export async function runModule(
  text: string,
  act: (child: RunningChild) => void = () => {},
): Promise<ChildResult> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', text])
  const output = { stdout: '', stderr: '' }
  const printed = async (text: string): Promise<void> => {
    await until(`it prints "${text}"`, () => output.stdout.includes(text))
  }
  child.stdout.on('data', (chunk) => {
    const before = output.stdout.includes('ready')
    output.stdout += chunk
    if (!before && output.stdout.includes('ready'))
      act({ kill: (signal) => void child.kill(signal), printed })
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  const [code, signal] = await once(child, 'close')
  return { code, signal, ...output }
}
