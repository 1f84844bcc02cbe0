import { readVisible } from '../../process/process-identity.ts'
import { listProcesses } from '../../process/process-list.ts'

export interface TreeProcess {
  pid: number
  parent: number
  session: number
}

/** Of a process's /proc/PID/stat; undefined if it has ended. The name may contain parentheses itself. Pure. */
function parseTreeStat(text: string): TreeProcess | undefined {
  const [, pid, state, parent, session] = /^(\d+) \(.*\) (\S) (\d+) \d+ (\d+) /s.exec(text) ?? []
  if (pid === undefined || state === 'Z' || state === 'X') return undefined
  return { pid: Number(pid), parent: Number(parent), session: Number(session) }
}

/** The processes below one and those of its session, without itself. Pure. */
export function membersOf(root: number, all: readonly TreeProcess[]): number[] {
  const found = new Set([root])
  for (let size = 0; size !== found.size; ) {
    size = found.size
    for (const { pid, parent, session } of all)
      if (found.has(parent) || session === root) found.add(pid)
  }
  found.delete(root)
  return [...found]
}

/** Those that can be seen. */
export async function readTree(): Promise<TreeProcess[]> {
  const pids = await listProcesses()
  return pids.flatMap((pid) => parseTreeStat(readVisible(pid, 'stat')) ?? [])
}
