import { createHash } from 'node:crypto'
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ApiError } from '@plexd/protocol'
import { createSerialQueue, makeFolder, syncFolder, undefinedIfMissing } from '@plexd/runtime'

/** Names a plexd binary; the parts become file names, so `isFileName` must hold for each. */
export interface ArtifactName {
  version: string
  os: string
  arch: string
}

/** A complete upload, durable on disk, but not yet under its final name. */
export interface ReceivedFile {
  size: number
  /** `sha256:` and hex. */
  checksum: string
  /** Renames it to its final name, replacing any existing file. */
  keep(name: ArtifactName): Promise<void>
  discard(): Promise<void>
}

/** The binaries in the data folder. Their metadata is in the database; this only stores bytes. */
export interface ArtifactFiles {
  /** Throws an ApiError: 413 beyond `maxBytes`, 400 for an empty upload or a wrong checksum. */
  receive(
    content: AsyncIterable<Uint8Array>,
    options: { maxBytes: number; expectedChecksum?: string },
  ): Promise<ReceivedFile>
  /** The caller closes it. Undefined if there is no such file. */
  open(name: ArtifactName): Promise<FileHandle | undefined>
  remove(name: ArtifactName): Promise<void>
  /** Runs tasks one at a time, so that a file and its row change together. */
  exclusive<T>(work: () => Promise<T>): Promise<T>
}

/** Throws an ApiError (400) for a part that is not a plain file name. */
export function checkArtifactName(name: ArtifactName): void {
  for (const [field, value] of Object.entries(name))
    if (!/^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/.test(value))
      throw new ApiError('bad_request', `${field} "${value}": want letters, digits and "._+-"`)
}

/** Creates the folder, and removes the remains of interrupted uploads. */
export async function openArtifactFiles(folder: string): Promise<ArtifactFiles> {
  const incoming = join(folder, 'incoming')
  for (const path of [incoming, join(folder, 'plexd')]) makeFolder(path)
  await syncFolder(folder)
  for (const name of await readdir(incoming)) await rm(join(incoming, name))

  const pathOf = (name: ArtifactName): string => {
    checkArtifactName(name)
    return join(folder, 'plexd', name.version, name.os, name.arch)
  }

  return {
    async receive(content, { maxBytes, expectedChecksum }) {
      const path = join(incoming, crypto.randomUUID())
      const discard = (): Promise<void> => rm(path, { force: true })
      try {
        const { size, checksum } = await writeHashed(path, content, maxBytes)
        if (size === 0) throw new ApiError('bad_request', 'the file is empty')
        if (expectedChecksum !== undefined && normalChecksum(expectedChecksum) !== checksum)
          throw new ApiError('bad_request', `checksum mismatch: received ${checksum}`)
        return { size, checksum, discard, keep: (name) => moveInto(path, pathOf(name)) }
      } catch (error) {
        await discard()
        throw error
      }
    },
    open: async (name) => await open(pathOf(name), 'r').catch(undefinedIfMissing),
    remove: (name) => rm(pathOf(name), { force: true }),
    exclusive: createSerialQueue(),
  }
}

async function writeHashed(
  path: string,
  content: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<{ size: number; checksum: string }> {
  const hash = createHash('sha256')
  let size = 0
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of content) {
      size += chunk.length
      if (size > maxBytes)
        throw new ApiError('payload_too_large', `request body is larger than ${maxBytes} bytes`)
      hash.update(chunk)
      await file.writeFile(chunk)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return { size, checksum: `sha256:${hash.digest('hex')}` }
}

async function moveInto(from: string, to: string): Promise<void> {
  makeFolder(dirname(to))
  await rename(from, to)
  // The file's folder, and any parent folders just created.
  for (const folder of [dirname(to), dirname(dirname(to)), dirname(dirname(dirname(to)))])
    await syncFolder(folder)
}

/** Accepts the prefix `sha256:` or none, in either case: both forms are common. */
function normalChecksum(text: string): string {
  return `sha256:${text.toLowerCase().replace(/^sha256:/, '')}`
}
