import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { describeEnd, ended, explainExit, explainStart } from './program-end.ts'
import { type Tool, toolEnvironment } from './tools.ts'

/**
 * Runs a program until it is no longer wanted, and passes on its lines. Resolves to the reason why it ended, including
 * that it could not be started (for example without a free descriptor), or that the line handler threw.
 */
export function followTool(
  command: readonly [Tool, ...string[]],
  { onLine, ...options }: FollowOptions & { onLine(line: string): void },
): Promise<string> {
  return streamTool(command, {
    ...options,
    async onOutput(output) {
      for await (const line of createInterface(output)) onLine(line)
    },
  })
}

/** The same, for whoever reads at a pace: while nothing is taken from `output`, the program is held back. */
export async function streamTool(
  command: readonly [Tool, ...string[]],
  { signal, onStart, onOutput }: FollowOptions & { onOutput(output: Readable): Promise<void> },
): Promise<string> {
  const [program, ...args] = command
  const stop = new AbortController()
  let reading: Promise<unknown> | undefined
  try {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: toolEnvironment(),
      signal: AbortSignal.any([signal, stop.signal]),
    })
    child.once('spawn', onStart)
    const end = ended(child)
    // There is no output stream if no descriptor was free.
    reading = child.stdout ? onOutput(child.stdout) : end
    const [exitCode] = await Promise.all([end, reading])
    return await explainExit(command, describeEnd(exitCode, child.signalCode))
  } catch (error) {
    return await explainStart(command, error)
  } finally {
    stop.abort()
    // Whoever goes on must not meet the last of it still being read.
    await reading?.catch(() => {})
  }
}

interface FollowOptions {
  signal: AbortSignal
  onStart(): void
}
