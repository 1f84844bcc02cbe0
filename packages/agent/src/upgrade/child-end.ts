import { constants } from 'node:os'
import { describeError, type spawnBuild } from '@plexd/runtime'

/** How a program has ended, if it was started at all. */
export type ChildEnd = { code: number } | { signal: NodeJS.Signals } | { error: string }

/** Never rejects. */
export function endOf(child: ReturnType<typeof spawnBuild>): Promise<ChildEnd> {
  const { promise, resolve } = Promise.withResolvers<ChildEnd>()
  child.once('error', (error) => resolve({ error: describeError(error) }))
  child.once('exit', (code, signal) => resolve(signal === null ? { code: code ?? 1 } : { signal }))
  return promise
}

/** Completes a sentence that begins with its name. */
export function describeEnd(end: ChildEnd): string {
  if ('error' in end) return `it could not be started: ${end.error}`
  return 'code' in end ? `it ended with exit code ${end.code}` : `it was ended by ${end.signal}`
}

/** As a shell says it. */
export function codeOf(end: ChildEnd): number {
  if ('code' in end) return end.code
  return 'signal' in end ? 128 + constants.signals[end.signal] : 1
}
