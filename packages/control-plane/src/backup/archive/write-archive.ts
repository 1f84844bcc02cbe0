import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { pipeline as connect, Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress } from 'node:zlib'
import { pack as createPack, type Pack } from 'tar-stream'
import { encrypt } from './encryption.ts'
import { type ArchivedFile, type Manifest, manifestName } from './manifest.ts'
import { appendDigest } from './whole-digest.ts'

/** A file for the archive, and where it is now. */
export type StagedFile = ArchivedFile & { source: string }

export interface WriteOptions {
  manifest: Manifest
  files: readonly StagedFile[]
  /** None for an archive that is not encrypted. */
  recipients: readonly string[]
  to: Writable
  onFile?: (file: ArchivedFile) => void
}

/** tar, compressed by zstd, with a digest of the whole, encrypted by age. Streams: memory does not grow with the size. */
export async function writeArchive({ to, recipients, ...content }: WriteOptions): Promise<void> {
  const pack = createPack()
  // It is destroyed with the error of whatever comes behind it, which is reported there.
  pack.on('error', () => {})
  const stop = new AbortController()
  const filled = fill(pack, content, stop.signal).catch((error: Error) => pack.destroy(error))
  const plain = connect(
    Readable.from(pack, { objectMode: false }),
    createZstdCompress({ params: zstdParameters }),
    appendDigest(),
    () => {}, // a failure destroys the last of them, which is read below
  ) as unknown as Readable // the last is a Transform
  try {
    await pipeline(recipients.length === 0 ? plain : await encrypt(plain, recipients), to)
  } finally {
    stop.abort()
    await filled
  }
}

const zstdParameters = {
  [constants.ZSTD_c_compressionLevel]: 3,
  [constants.ZSTD_c_checksumFlag]: 1,
}

async function fill(
  pack: Pack,
  { manifest, files, onFile }: Pick<WriteOptions, 'manifest' | 'files' | 'onFile'>,
  signal: AbortSignal,
): Promise<void> {
  const mtime = new Date(manifest.created_at)
  pack.entry({ name: manifestName, mode: 0o600, mtime }, `${JSON.stringify(manifest, null, 2)}\n`)
  for (const file of files) {
    onFile?.(file)
    const { path: name, size, mode } = file
    const entry = pack.entry({ name, size, mode, mtime })
    entry.on('error', () => {}) // likewise
    for await (const chunk of createReadStream(file.source, { highWaterMark: 256 * 1024, signal }))
      if (!entry.write(chunk)) await once(entry, 'drain', { signal })
    entry.end(null)
  }
  pack.finalize()
}
