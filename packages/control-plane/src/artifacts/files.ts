import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { createSerialQueue, makeFolder, syncFolder, undefinedIfMissing } from '@plexd/runtime'
import { measure } from './measure.ts'
import { type ArtifactName, type ArtifactStore, checkArtifactName } from './store.ts'

/**
 * Artifacts as files of a folder. Creates that, and removes what a crash has left: uploads without a name, and names that are not known. The
 * folder is this process's alone, which takes no upload before.
 */
export async function openArtifactFiles(
  folder: string,
  isKnown: (name: ArtifactName) => Promise<boolean>,
): Promise<ArtifactStore> {
  const incoming = join(folder, 'incoming')
  const named = join(folder, 'plexd')
  for (const path of [incoming, named]) makeFolder(path)
  await syncFolder(folder)
  for (const name of await readdir(incoming)) await rm(join(incoming, name))
  await sweep(named, isKnown)

  const pathOf = (name: ArtifactName): string => {
    checkArtifactName(name)
    return join(named, name.version, name.os, name.arch)
  }

  return {
    async receive(content, options) {
      const path = join(incoming, crypto.randomUUID())
      const discard = (): Promise<void> => rm(path, { force: true }).catch(() => {})
      try {
        const { pieces, result } = measure(content, options)
        await writeFile(path, pieces)
        const keep = (name: ArtifactName): Promise<void> => moveInto(path, pathOf(name))
        return { ...result(), keep, [Symbol.asyncDispose]: discard }
      } catch (error) {
        await discard()
        throw error
      }
    },
    async open(name) {
      const file = await open(pathOf(name), 'r').catch(undefinedIfMissing)
      return file && (await opened(file))
    },
    remove: (name) => rm(pathOf(name), { force: true }),
    exclusive: createSerialQueue(),
  }
}

/** Names whose row was not written any more, or was deleted before. */
async function sweep(
  folder: string,
  isKnown: (name: ArtifactName) => Promise<boolean>,
): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const [version, os, arch, ...rest] = relative(folder, path).split('/')
    const isOurs = entry.isFile() && rest.length === 0
    if (!isOurs || version === undefined || os === undefined || arch === undefined) continue
    if (!(await isKnown({ version, os, arch }))) await rm(path)
  }
}

async function opened(file: FileHandle) {
  const { size } = await file.stat()
  return {
    size,
    checksum: undefined,
    read: (bytes: { start: number; end: number }) => file.createReadStream(bytes),
    close: () => file.close(),
  }
}

async function writeFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const piece of pieces) await file.writeFile(piece)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function moveInto(from: string, to: string): Promise<void> {
  makeFolder(dirname(to))
  await rename(from, to)
  // The file's folder, and any parent folders just created.
  for (const folder of [dirname(to), dirname(dirname(to)), dirname(dirname(dirname(to)))])
    await syncFolder(folder)
}
