import { readdir, stat } from 'node:fs/promises'
import { ifUnseen, readNow } from './process-identity.ts'

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

/** What it calls itself; empty for one that is gone, or is not ours to look at. */
export function titleOf(pid: number): string {
  const [title = ''] = commandLineOf(pid).split('\0')
  return title
}

function commandLineOf(pid: number): string {
  try {
    return readNow(`/proc/${pid}/cmdline`)
  } catch (error) {
    return ifUnseen('')(error)
  }
}
