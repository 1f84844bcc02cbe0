import { readFile } from 'node:fs/promises'
import { type Clock, describeError, ExecError, exec, type Log } from '@plexd/runtime'
import { askNames } from '../../process/getent.ts'

/**
 * The id of a group by its name, from any source that the system has; undefined if there is none. A number is its own
 * id. Rejects if nobody can say whether there is one, as a directory of the network that does not answer.
 */
export async function findGroup(name: string, run = exec): Promise<number | undefined> {
  if (/^\d+$/.test(name)) return Number(name)
  try {
    return idIn((await askNames(['group', name], { run, timeoutMs: 5_000 })) ?? '', name)
  } catch (error) {
    if (!(error instanceof ExecError && error.missing)) throw error
    // A small system without getent has its groups in the file only.
    return idIn(await readFile('/etc/group', 'utf8').catch(() => ''), name)
  }
}

function idIn(groups: string, name: string): number | undefined {
  const line = groups.split('\n').find((line) => line.startsWith(`${name}:`))
  const gid = Number(line?.split(':')[2] ?? Number.NaN)
  return Number.isInteger(gid) ? gid : undefined
}

export interface GroupLookupOptions {
  monotonic: Clock['monotonic']
  log: Pick<Log, 'warn'>
  /** How long a result is cached, including that there is no such group: groups change while the daemon runs. */
  freshMs?: number
  find?: typeof findGroup
}

/** Looks the group up on demand. Callers within `freshMs` share a lookup; one that fails leaves what was known. */
export function createGroupLookup(
  name: string,
  { monotonic, log, freshMs = 5_000, find = findGroup }: GroupLookupOptions,
): () => Promise<number | undefined> {
  let lookup: { atMs: number; gid: Promise<number | undefined> } | undefined
  let known: number | undefined
  let isFailing = false

  async function look(): Promise<number | undefined> {
    try {
      known = await find(name)
      isFailing = false
    } catch (error) {
      if (!isFailing)
        log.warn('the group cannot be looked up: what was known of it stays in force', {
          group: name,
          error: describeError(error),
        })
      isFailing = true
    }
    return known
  }

  return () => {
    if (!lookup || monotonic() - lookup.atMs >= freshMs) lookup = { atMs: monotonic(), gid: look() }
    return lookup.gid
  }
}
