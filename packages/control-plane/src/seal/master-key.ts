import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { createFileAtomic, isMissing, readSecretFile, writeFileAtomic } from '@plexd/runtime'

/** 32 bytes that never enter the database: whoever has only a copy of the database reads no secret. */
export interface MasterKey {
  /** What is sealed from now on is sealed under it. */
  readonly current: KeyObject
  /** The one before it, under which texts may be sealed that somebody has read a moment ago. */
  readonly previous: KeyObject | undefined
}

/** The master key with its file, which holds the one before it as well for as long as that is needed. */
export interface KeptMasterKey extends MasterKey {
  /** Names the current key without telling anything of it: 12 hex digits. */
  id(): string
  /** Whether there may be texts in the database that only the previous key opens. */
  isReplacing(): boolean
  /** Makes a new key the current one, unless that was begun before. Durable when it resolves. */
  replace(): Promise<void>
  /** Removes the previous key from the file: nothing on the disk is sealed under it. */
  forgetPrevious(): Promise<void>
}

export interface MasterKeyPlace {
  path: string
  /** Whether nothing was sealed yet, so that a key may be made where there is none. */
  isNew: boolean
}

/**
 * Reads the file with the master key, and makes it for a new installation. Refuses a file that others may read, and
 * one that is missing where something was sealed: losing it loses every secret, signing key and node secret key in the
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

/** A key of its own for each use, so that none can be turned against another. */
export function deriveKey(key: KeyObject, purpose: string): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', key, '', `plexd ${purpose}`, 32)))
}

function newKey(): KeyObject {
  return createSecretKey(randomBytes(32))
}

/** One line each, the current one first. */
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
