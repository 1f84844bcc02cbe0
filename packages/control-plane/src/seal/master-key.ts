import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createFileAtomic, isMissing, readSecretFile, writeFileAtomic } from '@plexd/runtime'

/** 32 bytes that are never in the database: a copy of the database alone reveals no secrets. */
export interface MasterKey {
  /** Seals everything from now on. */
  readonly current: KeyObject
  /** The previous key, for texts read just before they were re-encrypted. */
  readonly previous: KeyObject | undefined
}

/** The master key and its file, which also contains the previous key for as long as it is needed. */
export interface KeptMasterKey extends MasterKey {
  /** A fingerprint of the current key that reveals nothing about it: 12 hex digits. */
  id(): string
  /** Whether the database may contain texts that only the previous key opens. */
  isReplacing(): boolean
  /** Makes a new key the current one, unless a rotation is already in progress. Durable when it resolves. */
  replace(): Promise<void>
  /** Removes the previous key from the file; call this when nothing on disk is sealed with it. */
  forgetPrevious(): Promise<void>
}

/** Where it is, unless the settings name another file. */
export function masterKeyPath({
  dataDir,
  masterKeyFile = join(dataDir, 'master.key'),
}: {
  dataDir: string
  masterKeyFile?: string | undefined
}): string {
  return masterKeyFile
}

export interface MasterKeyPlace {
  path: string
  /** Whether nothing has been sealed yet, so that a missing key may be created. */
  isNew: boolean
}

/**
 * Reads the master key file, or creates it for a new installation. Refuses a file that others may read, and
 * a missing file if anything was sealed: losing it means losing every secret, signing key and node secret key in the
 * database.
 */
export async function loadMasterKey({ path, isNew }: MasterKeyPlace): Promise<KeptMasterKey> {
  if (isNew) await createFileAtomic(path, textOf([newKey()]))
  const [first, second] = readKeys(path)
  let current = first
  let previous = second
  let isReplacing = second !== undefined

  return {
    get current() {
      return current
    },
    get previous() {
      return previous
    },
    id: () => deriveKey(current, 'master key id').export().toString('hex', 0, 6),
    isReplacing: () => isReplacing,
    async replace() {
      if (isReplacing) return
      const next = newKey()
      await writeFileAtomic(path, textOf([next, current]))
      previous = current
      current = next
      isReplacing = true
    },
    async forgetPrevious() {
      await writeFileAtomic(path, textOf([current]))
      isReplacing = false
    },
  }
}

/** Derives a separate key for each purpose. */
export function deriveKey(key: KeyObject, purpose: string): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', key, '', `plexd ${purpose}`, 32)))
}

function newKey(): KeyObject {
  return createSecretKey(randomBytes(32))
}

/** One key per line, the current one first. */
function textOf(keys: readonly KeyObject[]): string {
  return keys.map((key) => `${key.export().toString('base64')}\n`).join('')
}

function readKeys(path: string): [KeyObject, KeyObject?] {
  const lines = readText(path).trim().split('\n')
  const [current, previous, ...more] = lines.map((line) => importKey(line, path))
  if (!current || more.length > 0) throw notAKey(path)
  return [current, previous]
}

function readText(path: string): string {
  try {
    return readSecretFile(path, `read master key "${path}"`)
  } catch (error) {
    if (isMissing(error)) throw lost(path)
    throw error
  }
}

function importKey(line: string, path: string): KeyObject {
  const bytes = Buffer.from(line, 'base64')
  if (bytes.length !== 32 || bytes.toString('base64') !== line.trim()) throw notAKey(path)
  return createSecretKey(bytes)
}

function lost(path: string): Error {
  return new Error(
    `read master key "${path}": it is missing, and the database is sealed with it: put the file back from where you keep it, or name its place with --master-key-file; without it no secret, signing key or node key in the database can be read`,
  )
}

function notAKey(path: string): Error {
  return new Error(
    `read master key "${path}": want 32 bytes in base64, or two lines of that while it is being replaced`,
  )
}
