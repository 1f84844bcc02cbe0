import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '@plexd/runtime'
import type { Problems } from '../health/problems.ts'

const lookEachMs = 5_000

/**
 * Tells when somebody has removed the data dir, or put another in its place, as an unmounted disk does: what is open goes on, and
 * the next start would be that of a machine which nobody knows. To be started when what is in it is open.
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

/** Empty where there is none. */
function identify(path: string): string {
  const { dev, ino } = statSync(path, { throwIfNoEntry: false }) ?? {}
  return ino === undefined ? '' : `${dev} ${ino}`
}

function describeLoss(dataDir: string, now: string): string {
  return now === ''
    ? `the data dir "${dataDir}" was removed while plexd runs, and nothing is kept any more: put it back from a backup before the next start, or that will find no identity`
    : `the data dir "${dataDir}" is another one than when plexd started, and nothing is kept any more: restart plexd`
}
