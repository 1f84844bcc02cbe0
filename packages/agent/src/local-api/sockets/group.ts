import { readFile } from 'node:fs/promises'
import { ExecError, exec } from '@plexd/runtime'

/**
 * The id of a group by its name, from any source that the system has; undefined if there is none. A number is its own
 * id.
 */
export async function findGroup(name: string, run = exec): Promise<number | undefined> {
  if (/^\d+$/.test(name)) return Number(name)
  try {
    return idIn(await run(['getent', 'group', '--', name], { timeoutMs: 5_000 }), name)
  } catch (error) {
    // It exits with 2 if there is no such group. A small system without getent has its groups in the file only.
    if (!(error instanceof ExecError && error.missing)) return undefined
    return idIn(await readFile('/etc/group', 'utf8').catch(() => ''), name)
  }
}

function idIn(groups: string, name: string): number | undefined {
  const line = groups.split('\n').find((line) => line.startsWith(`${name}:`))
  const gid = Number(line?.split(':')[2] ?? Number.NaN)
  return Number.isInteger(gid) ? gid : undefined
}

/** How long a result is cached, including that there is no such group: groups change while the daemon runs. */
const freshMs = 5_000

/** Looks the group up on demand, at most every 5 s. Concurrent callers share a lookup. */
export function createGroupLookup(name: string, monotonic: () => number, find = findGroup) {
  let lookup: { atMs: number; gid: Promise<number | undefined> } | undefined

  return (): Promise<number | undefined> => {
    if (!lookup || monotonic() - lookup.atMs >= freshMs)
      lookup = { atMs: monotonic(), gid: find(name) }
    return lookup.gid
  }
}
