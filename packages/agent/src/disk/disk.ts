import { statfsSync } from 'node:fs'
import {
  type Clock,
  diskFault,
  type Fault,
  type Log,
  leastRoomBytes,
  probeDisk,
} from '@plexd/runtime'
import type { Problems } from '../health/problems.ts'
import { createListeners } from '../process/listeners.ts'
import { startTask } from '../process/task.ts'

/** Whether writes to the disk succeed. */
export interface Disk extends AsyncDisposable {
  /** To be called for every failed write: a fault of the disk is a problem until a write succeeds again. */
  failed(error: unknown): void
  /** Checks for free space before anything is written, so that a start on a full disk is reported. */
  look(): void
  /** Resolves when writes succeed; rejects with the signal's reason. */
  room(signal?: AbortSignal): Promise<void>
  /** Called when writes succeed again, for trying failed ones again. Returns the function that ends it. */
  onRoom(listener: () => void): () => void
}

export interface DiskOptions {
  dataDir: string
  problems: Pick<Problems, 'set' | 'clear'>
  clock: Pick<Clock, 'sleep'>
  log: Pick<Log, 'error' | 'info'>
}

const tryEachMs = 2_000

export function watchDisk({ dataDir, problems, clock, log }: DiskOptions): Disk {
  const waiting = createListeners()
  let trying: AsyncDisposable | undefined

  async function tryUntilItWorks(signal: AbortSignal): Promise<void> {
    do await clock.sleep(tryEachMs, signal)
    while (!(await hasRoom()))
    trying = undefined
    problems.clear('disk')
    log.info('the disk takes what is written again', { data_dir: dataDir })
    waiting.tell()
  }

  function hasRoom(): Promise<boolean> {
    return probeDisk(dataDir).then(
      () => true,
      (error) => {
        // A failing disk may have become read-only.
        tell(diskFault(error))
        return false
      },
    )
  }

  function tell(fault: Fault | undefined): void {
    if (fault === undefined) return
    problems.set(
      'disk',
      `nothing can be kept in "${dataDir}": ${fault.reason}: ${fault.remedy}, plexd goes on by itself`,
    )
  }

  function failed(error: unknown): void {
    const fault = diskFault(error)
    if (fault === undefined || trying) return
    tell(fault)
    log.error('the disk takes nothing more', { data_dir: dataDir, error: fault.reason })
    trying = startTask(tryUntilItWorks)
  }

  return {
    failed,
    look() {
      const { blocks, bfree, bavail, bsize } = statfsSync(dataDir)
      // Reserved blocks are free for root.
      const leftBytes = (process.geteuid?.() === 0 ? bfree : bavail) * bsize
      if (blocks === 0 || leftBytes >= leastRoomBytes) return
      failed(Object.assign(new Error(`ENOSPC: ${leftBytes} bytes left`), { code: 'ENOSPC' }))
    },
    async room(signal) {
      while (trying) await clock.sleep(tryEachMs, signal)
    },
    onRoom: waiting.add,
    async [Symbol.asyncDispose]() {
      await trying?.[Symbol.asyncDispose]()
    },
  }
}
