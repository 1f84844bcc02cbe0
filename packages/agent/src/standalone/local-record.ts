import { appendFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describeError, type Log } from '@plexd/runtime'

/** What is known of an action that is run without the daemon; no parameters, which may be secret. */
export interface LocalEntry {
  execution_id: string
  action: string
  user: string
  /** `asked`, then how it ended or why it was refused. */
  status: string
}

const recordName = 'local-actions.log'

/** Then it takes the place of the one before: two are kept. */
const maxBytes = 1024 * 1024

/** Adds a line of JSON to the record in the data dir. In an emergency the disk may be full, so a failure is told and prevents nothing. */
export function recordLocally(
  dataDir: string,
  entry: LocalEntry,
  { now, log }: { now: () => number; log: Pick<Log, 'warn'> },
): void {
  const path = join(dataDir, recordName)
  const line = JSON.stringify({ at: new Date(now()).toISOString(), ...entry })
  try {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size > maxBytes) renameSync(path, `${path}.1`)
    appendFileSync(path, `${line}\n`, { mode: 0o600 })
  } catch (error) {
    log.warn('action is not recorded', { path, error: describeError(error) })
  }
}
