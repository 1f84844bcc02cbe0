import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCodeOf } from './error-code.ts'
import type { Fault } from './fault.ts'
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

/** The fault, if a failed write is the disk's (full, read-only, I/O error); otherwise undefined. */
export function diskFault(error: unknown): Fault | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const remedy = remedies[errorCodeOf(at) ?? ''] ?? remedies[sqliteCodeOf(at)]
    if (remedy !== undefined) return { reason: at.message, remedy }
  }
  return undefined
}

const room = 'make room'
const writable = 'mount it for writing'
const failing = 'the disk fails, look at "dmesg"'

/** By the system's code, or by SQLite's. */
const remedies: Readonly<Record<string | number, string>> = {
  ENOSPC: room,
  EDQUOT: room,
  EROFS: writable,
  EIO: failing,
  [sqliteCodes.full]: room,
  [sqliteCodes.readOnly]: writable,
  [sqliteCodes.ioError]: failing,
}
