import { fstatSync } from 'node:fs'
import { maxJoinBytes } from '@plexd/protocol'

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
