import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type Artifact, adminApi, fillPath, signatureHeader } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import type { Context } from '../../context.ts'
import { fileError } from '../../terminal/file-error.ts'
import { startProgress } from '../../terminal/output.ts'

/** What a binary is for. */
export interface Platform {
  version: string
  os: string
  arch: string
}

export interface Build extends Platform {
  /** A file. */
  signature?: string
}

/** Reads the file twice: the checksum travels in front of it. */
export async function uploadArtifact(
  { io, connect }: Context,
  file: string,
  { signature, ...platform }: Build,
): Promise<Artifact> {
  const signed: Record<string, string> =
    signature === undefined ? {} : { [signatureHeader]: await readSignature(signature) }
  const size = await sizeOf(file)
  const checksum = await checksumOf(file)
  const { open } = await connect()
  using progress = startProgress(io.stderr)
  const { method, path } = adminApi.putArtifact
  const answer = await open({
    method,
    path: fillPath(path, { ...platform }),
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(size),
      'x-checksum-sha256': checksum,
      ...signed,
    },
    body: Readable.from(
      chunksOf(file, (bytes) => progress.update(`uploading ${file}: ${percent(bytes, size)}`)),
    ),
  })
  return JSON.parse(await text(answer)) as Artifact // what this operation answers
}

/** The control plane says what is wrong with its form. */
async function readSignature(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw fileError(`read "${file}"`, cause)
  })
  return text.trim()
}

async function sizeOf(file: string): Promise<number> {
  const info = await stat(file).catch((cause: unknown) => {
    throw fileError(`read "${file}"`, cause)
  })
  if (!info.isFile()) throw new CliError(`read "${file}": it is no regular file`, exitCodes.usage)
  return info.size
}

async function checksumOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of chunksOf(file)) hash.update(chunk)
  return hash.digest('hex')
}

async function* chunksOf(
  file: string,
  onCount: (bytes: number) => void = () => {},
): AsyncGenerator<Buffer> {
  let bytes = 0
  try {
    for await (const chunk of createReadStream(file)) {
      bytes += chunk.length
      onCount(bytes)
      yield chunk
    }
  } catch (cause) {
    throw fileError(`read "${file}"`, cause)
  }
}

function percent(part: number, whole: number): string {
  return `${Math.floor((part / Math.max(1, whole)) * 100)} %`
}
