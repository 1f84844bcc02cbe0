import { readdir, stat } from 'node:fs/promises'
import { readVisible } from './process-identity.ts'

/** The ids of all processes that can be seen from here. */
export async function listProcesses(): Promise<number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
}

/** Whether it is of this user. */
export async function isOwn(pid: number): Promise<boolean> {
  return stat(`/proc/${pid}`).then(
    ({ uid }) => uid === process.getuid?.(),
    () => false,
  )
}

/** Its first argument, which a process may set; empty if it has ended, or is hidden from us. */
export function titleOf(pid: number): string {
  const [title = ''] = readVisible(pid, 'cmdline').split('\0')
  return title
}
