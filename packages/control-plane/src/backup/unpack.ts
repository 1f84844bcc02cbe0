import { createWriteStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolder } from '@plexd/runtime'
import { type Manifest, totalBytes } from './archive/manifest.ts'
import { readArchive } from './archive/read-archive.ts'
import { contentOf } from './contents.ts'
import { demandRoom } from './room.ts'

export interface UnpackOptions {
  file: string
  identities: readonly string[] | undefined
  /** An empty folder. */
  to: string
  work: string
  onProgress: (text: string) => void
}

/** Resolves when all of it is unpacked, and was found to be as it was made. The files are not durable yet. */
export function unpack({
  file,
  identities,
  to,
  work,
  onProgress,
}: UnpackOptions): Promise<Manifest> {
  return readArchive(file, {
    identities,
    async onManifest({ files }) {
      const foreign = files.find(({ path }) => contentOf(path) === undefined)
      if (foreign) throw new Error(`it has "${foreign.path}", as no backup does`)
      await demandRoom([{ folder: to, bytes: totalBytes(files) }], work)
    },
    async open({ path, mode }) {
      onProgress(`unpacking ${path}`)
      const target = join(to, path)
      makeFolder(dirname(target))
      return createWriteStream(target, { flags: 'wx', mode })
    },
  })
}
