import { readFileSync } from 'node:fs'
import { type Exec, exec, isLoggedToJournal, type KeptLine } from '@plexd/runtime'

export interface LogQuery {
  /** At most so many, the newest. */
  lines: number
  /** Only those since then; undefined for any. */
  sinceMs: number | undefined
}

export interface LogRead {
  /** Where they are from, for people. */
  source: string
  /** Oldest first. */
  lines: string[]
}

export type ReadLog = (query: LogQuery, signal: AbortSignal) => Promise<LogRead>

/** Reads plexd's log in the journal if it goes there, as it then has that of earlier starts too; otherwise what is kept. */
export function createLogReader({
  kept,
  unit = unitInJournal(),
  run = exec,
}: {
  kept(): readonly KeptLine[]
  /** The systemd unit whose log is in the journal. */
  unit?: string | undefined
  run?: Exec
}): ReadLog {
  return async (query, signal) => {
    if (unit === undefined)
      return { source: 'the log since the start', lines: newest(kept(), query) }
    const printed = await run(journalCommand(unit, query), { signal })
    return { source: `the journal of "${unit}"`, lines: printed.split('\n').filter(Boolean) }
  }
}

function newest(kept: readonly KeptLine[], { lines, sinceMs = 0 }: LogQuery): string[] {
  return kept
    .filter(({ atMs }) => atMs >= sinceMs)
    .slice(-lines)
    .map(({ text }) => text)
}

function journalCommand(
  unit: string,
  { lines, sinceMs }: LogQuery,
): readonly ['journalctl', ...string[]] {
  const since = sinceMs === undefined ? [] : [`--since=@${Math.floor(sinceMs / 1_000)}`]
  return [
    'journalctl',
    '--quiet',
    '--no-pager',
    '--output=short-iso',
    `--unit=${unit}`,
    `--lines=${lines}`,
    ...since,
  ]
}

/** The systemd unit whose log in the journal is ours; undefined if our log does not go there. */
export function unitInJournal(): string | undefined {
  return isLoggedToJournal() ? ownUnit() : undefined
}

/** The systemd unit of this process; undefined if it has none. */
function ownUnit(): string | undefined {
  const cgroups = readFileSync('/proc/self/cgroup', 'utf8')
  return /\/([^/\n]+\.service)(?:\/|$)/m.exec(cgroups)?.[1]
}
