import { readFile } from 'node:fs/promises'
import { ExecError, exec } from '@plexd/runtime'

/** The id of a group by its name, from wherever this system keeps groups; undefined when there is none. A number stands for itself. */
export async function findGroup(name: string, run = exec): Promise<number | undefined> {
  if (/^\d+$/.test(name)) return Number(name)
  try {
    return idIn(await run(['getent', 'group', '--', name], { timeoutMs: 5_000 }), name)
  } catch (error) {
    // It exits with 2 when it finds none. A small system may lack it, and has no other place for groups than the file.
    if (!(error instanceof ExecError && error.missing)) return undefined
    return idIn(await readFile('/etc/group', 'utf8').catch(() => ''), name)
  }
}

function idIn(groups: string, name: string): number | undefined {
  const line = groups.split('\n').find((line) => line.startsWith(`${name}:`))
  const gid = Number(line?.split(':')[2] ?? Number.NaN)
  return Number.isInteger(gid) ? gid : undefined
}

/** For so long an answer counts, also that there is no such group: groups come and go while the daemon runs. */
const freshMs = 5_000

/** Looks the group up when it is asked for, at most every 5 s. Who asks while a look-up runs waits for it. */
export function createGroupLookup(name: string, monotonic: () => number, find = findGroup) {
  let lookup: { atMs: number; gid: Promise<number | undefined> } | undefined

  return (): Promise<number | undefined> => {
    if (!lookup || monotonic() - lookup.atMs >= freshMs)
      lookup = { atMs: monotonic(), gid: find(name) }
    return lookup.gid
  }
}
