import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '@plexd/runtime'
import type { Problems } from '../health/problems.ts'

const lookEachMs = 5_000

/**
 * Reports if the data dir was removed or replaced, as by an unmounted disk: open files keep working, but the next start
 * would find no identity. To be started once the database is open.
 */
export function watchDataDir({
  dataDir,
  problems,
  clock,
}: {
  dataDir: string
  problems: Pick<Problems, 'set'>
  clock: Pick<Clock, 'every'>
}): Disposable {
  const path = join(dataDir, 'agent.db')
  const opened = identify(path)
  return clock.every(lookEachMs, () => {
    const now = identify(path)
    problems.set('data-dir', now === opened ? undefined : describeLoss(dataDir, now))
  })
}

/** Empty if there is none. */
function identify(path: string): string {
  const { dev, ino } = statSync(path, { throwIfNoEntry: false }) ?? {}
  return ino === undefined ? '' : `${dev} ${ino}`
}

function describeLoss(dataDir: string, now: string): string {
  return now === ''
    ? `the data dir "${dataDir}" was removed while plexd runs, and nothing is kept any more: put it back from a backup before the next start, or that will find no identity`
    : `the data dir "${dataDir}" is another one than when plexd started, and nothing is kept any more: restart plexd`
}
