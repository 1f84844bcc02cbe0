import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { createFileAtomic } from '@plexd/runtime'

/** 32 bytes that never enter the database: whoever has only a copy of the database reads no secret. */
export type MasterKey = KeyObject

/**
 * Reads `master.key` of the data folder, and makes it when there is none. Refuses a file that others may read.
 * Losing it loses every secret, signing key and node secret key in the database.
 */
export async function loadMasterKey(dataDir: string): Promise<MasterKey> {
  const path = join(dataDir, 'master.key')
  await createFileAtomic(path, `${randomBytes(32).toString('base64')}\n`)
  const file = await open(path, 'r')
  try {
    const { mode } = await file.stat()
    if ((mode & 0o077) !== 0) {
      const found = (mode & 0o777).toString(8).padStart(4, '0')
      throw new Error(`read master key "${path}": its mode is ${found}, want 0600`)
    }
    return importMasterKey(await file.readFile('utf8'), path)
  } finally {
    await file.close()
  }
}

/** A key of its own for each use, so that none can be turned against another. */
export function deriveKey(masterKey: MasterKey, purpose: string): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', masterKey, '', `plexd ${purpose}`, 32)))
}

function importMasterKey(text: string, path: string): MasterKey {
  const bytes = Buffer.from(text.trim(), 'base64')
  if (bytes.length !== 32 || bytes.toString('base64') !== text.trim()) {
    throw new Error(`read master key "${path}": want 32 bytes in base64`)
  }
  return createSecretKey(bytes)
}
