import { createHash } from 'node:crypto'
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ApiError } from '@plexd/protocol'
import { createSerialQueue, makeFolder, syncFolder, undefinedIfMissing } from '@plexd/runtime'

/** A plexd binary by its name; the parts are file names, so `isFileName` must hold for each. */
export interface ArtifactName {
  version: string
  os: string
  arch: string
}

/** An upload that is complete and on the disk, but has no name yet. */
export interface ReceivedFile {
  size: number
  /** `sha256:` and hex. */
  checksum: string
  /** Gives it its name; whatever had that name is replaced. */
  keep(name: ArtifactName): Promise<void>
  discard(): Promise<void>
}

/** The binaries in the data folder. What is known of them is in the database; here are only the bytes. */
export interface ArtifactFiles {
  /** Throws an ApiError: 413 beyond `maxBytes`, 400 when nothing came or the checksum is not the one expected. */
  receive(
    content: AsyncIterable<Uint8Array>,
    options: { maxBytes: number; expectedChecksum?: string },
  ): Promise<ReceivedFile>
  /** The caller closes it. Undefined when there is no such file. */
  open(name: ArtifactName): Promise<FileHandle | undefined>
  remove(name: ArtifactName): Promise<void>
  /** One after another, so that a name and the row that tells of it change together. */
  exclusive<T>(work: () => Promise<T>): Promise<T>
}

/** Throws an ApiError (400) for a part that could be anything but a plain file name. */
export function checkArtifactName(name: ArtifactName): void {
  for (const [field, value] of Object.entries(name))
    if (!/^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/.test(value))
      throw new ApiError('bad_request', `${field} "${value}": want letters, digits and "._+-"`)
}

/** Makes the folder, and clears away what uploads that were cut off left behind. */
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
  // The name, and the folders that were made for it.
  for (const folder of [dirname(to), dirname(dirname(to)), dirname(dirname(dirname(to)))])
    await syncFolder(folder)
}

/** With and without `sha256:`, in either case: both are in use. */
function normalChecksum(text: string): string {
  return `sha256:${text.toLowerCase().replace(/^sha256:/, '')}`
}
