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

/** Looks for the group again while there is none, at most every 10 s: it may be made after the daemon has started. */
export function createGroupLookup(name: string, now: () => number, find = findGroup) {
  let lookup: { atMs: number; gid: Promise<number | undefined> } | undefined
  let known: number | undefined

  return async (): Promise<number | undefined> => {
    if (known !== undefined) return known
    if (!lookup || now() - lookup.atMs >= 10_000) lookup = { atMs: now(), gid: find(name) }
    known = await lookup.gid
    return known
  }
}
