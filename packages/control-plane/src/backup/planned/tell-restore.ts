import type { Log } from '@plexd/runtime'
import type { BackupWatch } from './watch.ts'

/** Logs, at the first start after a restore and as long as nothing else is on record, where this state comes from. */
export function tellRestore({ records }: BackupWatch, log: Log): void {
  const last = records().at(-1)
  if (last?.kind !== 'restore') return
  const { file, at, epoch, sequence } = last
  log.info('this state was restored from a backup', { file, restored_at: at, epoch, sequence })
}
