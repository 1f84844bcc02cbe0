import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline as connect, type Readable, Transform, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { CliError, describeError, exitCodes } from '@plexd/runtime'
import { extract as createExtract, type Extract } from 'tar-stream'
import { ageMagic, armorMagic, decrypt } from './encryption.ts'
import {
  type ArchivedFile,
  type Manifest,
  manifestName,
  maxManifestBytes,
  parseManifest,
} from './manifest.ts'
import { checkDigest, Damaged } from './whole-digest.ts'

type Entry = Extract extends AsyncIterable<infer One> ? One : never

export interface ReadOptions {
  /** Needed for an archive that is encrypted. */
  identities: readonly string[] | undefined
  /** Before any file. */
  onManifest(manifest: Manifest): Promise<void>
  /** Where its content goes. */
  open(file: ArchivedFile): Promise<Writable>
}

/**
 * Reads a backup from end to end. Nothing of it may be believed before this resolves: the digest of the whole is at its end. Throws a
 * CliError for a file that was changed, cut off, or is none.
 */
export async function readArchive(path: string, options: ReadOptions): Promise<Manifest> {
  const source = await openSource(path, options.identities)
  const extract = createExtract()
  const digest = checkDigest()
  const fed = feed([source, digest, createZstdDecompress(), extract as unknown as Writable])
  const [read, through] = await Promise.allSettled([readEntries(extract, options), fed])
  source.destroy()
  if (read.status === 'fulfilled' && through.status === 'fulfilled') return read.value
  const reason = read.status === 'rejected' ? read.reason : undefined
  if (reason instanceof CliError) throw reason
  // Bytes that were changed explain anything.
  const damage = digest.errored instanceof Damaged ? digest.errored : undefined
  throw broken(path, damage ?? reason ?? (through as PromiseRejectedResult).reason)
}

/** Resolves when all of it has come through. */
function feed(streams: (Readable | Writable)[]): Promise<void> {
  return new Promise((resolve, reject) => {
    connect(streams as Writable[], (error) => (error ? reject(error) : resolve()))
  })
}

function broken(path: string, cause: unknown): CliError {
  return new CliError(
    `read backup "${path}": ${describeError(cause)}: nothing of it can be trusted, take another`,
  )
}

async function openSource(
  path: string,
  identities: readonly string[] | undefined,
): Promise<Readable> {
  const head = await headOf(path)
  const source = createReadStream(path, { highWaterMark: 256 * 1024 })
  if (head.startsWith(armorMagic))
    throw new CliError(`read backup "${path}": it is armored: unpack it first: age -d -i KEY`)
  if (!head.startsWith(ageMagic)) return source
  if (!identities)
    throw new CliError(
      `read backup "${path}": it is encrypted: name the file of its key with --identity-file`,
      exitCodes.usage,
    )
  try {
    return await decrypt(source, identities)
  } catch (error) {
    throw new CliError(
      `open backup "${path}": ${describeError(error)}: want the key of one of its recipients, and the file as it was made`,
    )
  }
}

async function headOf(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r')
    if ((await file.stat()).isDirectory())
      throw new Error('it is a folder: name the file of a backup in it')
    const { buffer, bytesRead } = await file.read(Buffer.alloc(armorMagic.length), 0)
    return buffer.toString('latin1', 0, bytesRead)
  } catch (error) {
    throw new CliError(`read backup "${path}": ${describeError(error)}`)
  }
}

async function readEntries(
  entries: AsyncIterable<Entry>,
  { onManifest, open }: ReadOptions,
): Promise<Manifest> {
  let manifest: Manifest | undefined
  let at = 0
  for await (const entry of entries) {
    if (!manifest) {
      manifest = await readManifest(entry)
      await onManifest(manifest)
      continue
    }
    const file = manifest.files[at++]
    const { name, size, type } = entry.header
    if (!file || type !== 'file' || name !== file.path || size !== file.size)
      throw new Error(`"${name}" is not what the manifest names in its place`)
    await copyChecked(entry, file, await open(file))
  }
  if (!manifest) throw new Error('it is empty')
  const missing = manifest.files[at]
  if (missing) throw new Error(`"${missing.path}" is missing`)
  return manifest
}

async function readManifest(entry: Entry): Promise<Manifest> {
  if (entry.header.name !== manifestName || (entry.header.size ?? 0) > maxManifestBytes)
    throw new Error('it does not begin with a manifest')
  const chunks: Buffer[] = []
  for await (const chunk of entry) chunks.push(chunk as Buffer)
  return parseManifest(Buffer.concat(chunks).toString())
}

async function copyChecked(entry: Entry, file: ArchivedFile, to: Writable): Promise<void> {
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(entry as AsyncIterable<Buffer>, hashing, to)
  if (hash.digest('hex') !== file.sha256)
    throw new Error(`the content of "${file.path}" is another`)
}
