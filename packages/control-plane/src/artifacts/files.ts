import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createSerialQueue, makeFolder, syncFolder, undefinedIfMissing } from '@plexd/runtime'
import { measure } from './measure.ts'
import { type ArtifactName, type ArtifactStore, checkArtifactName } from './store.ts'

/** Artifacts as files of a folder. Creates that, and removes the remains of interrupted uploads. */
export async function openArtifactFiles(folder: string): Promise<ArtifactStore> {
  const incoming = join(folder, 'incoming')
  for (const path of [incoming, join(folder, 'plexd')]) makeFolder(path)
  await syncFolder(folder)
  for (const name of await readdir(incoming)) await rm(join(incoming, name))

  const pathOf = (name: ArtifactName): string => {
    checkArtifactName(name)
    return join(folder, 'plexd', name.version, name.os, name.arch)
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
