import { fstatSync } from 'node:fs'
import { maxJoinBytes } from '@plexd/protocol'
import { systemClock } from '@plexd/runtime'

/** The first line of what comes in, at the most as long as a join string may be. */
export async function readLine(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk
    if (text.includes('\n') || text.length > maxJoinBytes) break
  }
  return text.split('\n', 1)[0] ?? ''
}

/** Whether somebody sends us something: not from a terminal, nor /dev/null, which daemons have. */
export function isPiped(): boolean {
  const stats = fstatSync(0)
  return stats.isFIFO() || stats.isFile() || stats.isSocket()
}

/**
 * Where a machine that is enrolled already may have been given a join string. Who pipes nothing into us may keep the pipe open,
 * and had an answer at once as long as nobody looked.
 */
export const sourcesOfEnrolled = {
  env: process.env,
  stdin: readLine,
  get ask() {
    return isPiped() ? readLineAtHand : undefined
  },
}

async function readLineAtHand(): Promise<string> {
  const isDone = new AbortController()
  const late = systemClock.sleep(1_000, isDone.signal)
  late.then(() => process.stdin.destroy()).catch(() => undefined)
  try {
    return await readLine()
  } catch {
    return '' // it was not at hand
  } finally {
    isDone.abort()
  }
}
