import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Log } from '@plexd/runtime'
import type { Problems } from './problems.ts'
import { startTask } from './task.ts'

/** Knows whether the disk takes what is written. */
export interface Disk extends AsyncDisposable {
  /** To be told of every write that failed: what is the disk's fault is a problem until it takes something again. */
  failed(error: unknown): void
}

export interface DiskOptions {
  dataDir: string
  problems: Pick<Problems, 'set' | 'clear'>
  clock: Pick<Clock, 'sleep'>
  log: Pick<Log, 'error' | 'info'>
}

const tryEachMs = 2_000

export function watchDisk({ dataDir, problems, clock, log }: DiskOptions): Disk {
  let trying: AsyncDisposable | undefined

  async function tryUntilItWorks(signal: AbortSignal): Promise<void> {
    do await clock.sleep(tryEachMs, signal)
    while (!(await takesMore(dataDir)))
    trying = undefined
    problems.clear('disk')
    log.info('the disk takes what is written again', { data_dir: dataDir })
  }

  return {
    failed(error) {
      const fault = diskFault(error)
      if (fault === undefined || trying) return
      problems.set(
        'disk',
        `nothing can be kept in "${dataDir}": ${fault}: make room there, plexd goes on by itself`,
      )
      log.error('the disk takes nothing more', { data_dir: dataDir, error: fault })
      trying = startTask(tryUntilItWorks)
    },
    async [Symbol.asyncDispose]() {
      await trying?.[Symbol.asyncDispose]()
    },
  }
}

/** As large as a report may be: what is less than that is no room. */
const probe = Buffer.alloc(1024 * 1024)

async function takesMore(folder: string): Promise<boolean> {
  const path = join(folder, '.probe')
  try {
    await using file = await open(path, 'w', 0o600)
    await file.writeFile(probe)
    await file.sync()
    return true
  } catch {
    return false
  } finally {
    await rm(path, { force: true }).catch(() => {}) // a disk that cannot be written to at all
  }
}

/** What the disk has against a write, in its own words; undefined when the failure is not its fault. */
export function diskFault(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code = '', errcode = 0 } = at as { code?: string; errcode?: number } // errors of the system and of SQLite
    if (faults.has(code) || sqliteFaults.has(errcode & 0xff)) return at.message
  }
  return undefined
}

const faults = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'])
/** SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL; what stands above the lowest byte says more of it. */
const sqliteFaults = new Set([8, 10, 13])
