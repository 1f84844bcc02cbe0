import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCodeOf } from './error-code.ts'
import { sqliteCodeOf, sqliteCodes } from './sqlite.ts'

/** Less room than this is none: one request may want as much. */
export const leastRoomBytes = 1024 * 1024

/** Writes a mebibyte to a file in the folder, through to the disk, and removes it. Rejects with what the disk has against it. */
export async function probeDisk(folder: string): Promise<void> {
  const path = join(folder, '.probe')
  try {
    await using file = await open(path, 'w', 0o600)
    await file.writeFile(Buffer.alloc(leastRoomBytes))
    await file.sync()
  } finally {
    await rm(path, { force: true }).catch(() => {}) // where nothing can be written, nothing is to be removed
  }
}

/** What the disk has against a write, in its own words; undefined when the failure is not its fault. */
export function diskFault(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (faults.has(errorCodeOf(at) ?? '') || sqliteFaults.has(sqliteCodeOf(at))) return at.message
  }
  return undefined
}

/** What to do about a fault, given in the words of `diskFault`. */
export function diskRemedy(fault: string): string {
  if (/EROFS|read-?only/.test(fault)) return 'mount it for writing'
  return /EIO|I\/O error/i.test(fault) ? 'the disk fails, look at "dmesg"' : 'make room'
}

const faults = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'])
const sqliteFaults = new Set<number>([sqliteCodes.readOnly, sqliteCodes.ioError, sqliteCodes.full])
