import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The id of a group by its name, from wherever this system keeps groups; undefined when there is none. A number stands for itself. */
export async function findGroup(name: string): Promise<number | undefined> {
  if (/^\d+$/.test(name)) return Number(name)
  try {
    const { stdout } = await run('getent', ['group', '--', name], { timeout: 5_000 })
    const gid = Number(stdout.split(':')[2])
    return Number.isInteger(gid) ? gid : undefined
  } catch {
    return undefined // getent exits with 2 when it finds none
  }
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
