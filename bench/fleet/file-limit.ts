import { readFileSync } from 'node:fs'

/** Open files besides the streams: connections for requests, and the database. */
const spare = 1_000

/** Throws if a process may not open as many files as a fleet has streams. The programs inherit the limit. */
export function requireFiles(streams: number): void {
  const [, limit] =
    /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  const most = limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit)
  if (streams + spare > most)
    throw new Error(
      `${streams} agents need ${streams + spare} open files, and a process may have ${most}: ulimit -Hn ${streams + spare}`,
    )
}
