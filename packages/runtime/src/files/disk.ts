import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCodeOf } from './error-code.ts'
import { sqliteCodeOf, sqliteCodes } from './sqlite.ts'

/** With less free space than this the disk counts as full: a single request may need as much. */
export const leastRoomBytes = 1024 * 1024

/** Writes a mebibyte to a file in the folder, with fsync, and removes it. Rejects with the disk's error. */
export async function probeDisk(folder: string): Promise<void> {
  const path = join(folder, '.probe')
  try {
    await using file = await open(path, 'w', 0o600)
    await file.writeFile(Buffer.alloc(leastRoomBytes))
    await file.sync()
  } finally {
    await rm(path, { force: true }).catch(() => {}) // if nothing could be written, there is nothing to remove
  }
}

/** Why a write failed, if the disk is at fault (full, read-only, I/O error); otherwise undefined. */
export function diskFault(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (faults.has(errorCodeOf(at) ?? '') || sqliteFaults.has(sqliteCodeOf(at))) return at.message
  }
  return undefined
}

/** What to do about a fault that `diskFault` has described. */
export function diskRemedy(fault: string): string {
  if (/EROFS|read-?only/.test(fault)) return 'mount it for writing'
  return /EIO|I\/O error/i.test(fault) ? 'the disk fails, look at "dmesg"' : 'make room'
}

const faults = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'])
const sqliteFaults = new Set<number>([sqliteCodes.readOnly, sqliteCodes.ioError, sqliteCodes.full])
