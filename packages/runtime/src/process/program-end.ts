import type { ChildProcess } from 'node:child_process'
import { errorCodeOf } from '../files/error-code.ts'
import { systemRemedy } from '../files/system-remedy.ts'
import { describeError } from '../log/log.ts'
import { describeMissing, findMissing, installTool } from './tools.ts'

/** The exit code, or null after a signal. Rejects if the program could not be started. */
export function ended(child: ChildProcess): Promise<number | null> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  return promise
}

export function describeEnd(exitCode: number | null, signalCode: NodeJS.Signals | null): string {
  return exitCode === null ? `it was killed by ${signalCode}` : `exit code ${exitCode}`
}

/** Why it could not be started. */
export async function explainStart(command: readonly string[], error: unknown): Promise<string> {
  const why = describeError(error)
  const code = errorCodeOf(error)
  if (code === 'ENOENT') return explainExit(command, why)
  const remedy = systemRemedy(error, '')
  return remedy === '' ? why : `${why}: ${remedy}`
}

/** Why it exited with a code; the code may mean that a wrapper could not start the program. */
export async function explainExit(command: readonly string[], why: string): Promise<string> {
  const missing = await findMissing(command)
  return missing ? `${describeMissing(missing)}: ${installTool(missing)}` : why
}
