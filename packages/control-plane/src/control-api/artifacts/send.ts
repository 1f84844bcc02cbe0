import { ApiError, signatureHeader } from '@plexd/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SideStores, State } from '../../app.ts'
import type { ArtifactName, OpenArtifact } from '../../artifacts/store.ts'
import { entityTags } from '../../http/entity-tags.ts'
import { readArtifact, type StoredArtifact } from '../../rows/artifacts.ts'
import { parseRange } from './byte-range.ts'

/** Streams a binary, in full or the part that Range asks for. Throws an ApiError: 400, 404 or 416. */
export async function sendArtifact(
  { artifacts, store }: State & SideStores,
  name: ArtifactName,
  { headers, reply }: { headers: FastifyRequest['headers']; reply: FastifyReply },
): Promise<NodeJS.ReadableStream | undefined> {
  const file = await artifacts.open(name)
  const artifact = await readArtifact(store.reader, name)
  const title = `plexd ${name.version} for ${name.os}/${name.arch}`
  if (!artifact) {
    await file?.close()
    throw new ApiError('not_found', `there is no ${title}`)
  }
  if (!file)
    throw new ApiError(
      'not_found',
      `the control plane has lost the bytes of ${title}: upload it again`,
    )
  await demandWhole(file, artifact)
  const { size, checksum, signature } = artifact
  const etag = `"${checksum}"`
  const hex = checksum.replace(/^sha256:/, '')
  reply.headers({
    etag,
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
    digest: `sha-256=${Buffer.from(hex, 'hex').toString('base64')}`,
    'x-checksum-sha256': hex,
    ...(signature === null ? {} : { [signatureHeader]: signature }),
  })
  const known = headers['if-none-match']?.trim()
  if (known === '*' || entityTags(known).includes(checksum)) {
    await file.close()
    reply.code(304)
    return undefined
  }
  const range = isFor(headers['if-range'], etag) ? parseRange(headers.range, size) : undefined
  if (range === 'unsatisfiable') {
    await file.close()
    reply.header('content-range', `bytes */${size}`)
    throw new ApiError('bad_request', `the range is behind the end: the file has ${size} bytes`, {
      status: 416,
    })
  }
  const { start, end } = range ?? { start: 0, end: size - 1 }
  if (range) reply.code(206).header('content-range', `bytes ${start}-${end}/${size}`)
  reply.header('content-length', end - start + 1)
  return file.read({ start, end })
}

/** Otherwise the answer would break off each time, and who downloads would try for ever. */
async function demandWhole(
  file: OpenArtifact,
  { version, os, arch, size, checksum }: StoredArtifact,
): Promise<void> {
  const isAnother = file.checksum !== undefined && file.checksum !== checksum
  if (file.size === size && !isAnother) return
  await file.close()
  const found = file.size === size ? 'other bytes' : `${file.size} of ${size} bytes`
  throw new ApiError(
    'not_found',
    `plexd ${version} for ${os}/${arch} is damaged on the control plane, it has ${found}: remove it with "plexctl artifact remove", and upload it again`,
  )
}

/** With `If-Range`, Range counts only if the file is still the one that the client started to download. */
function isFor(header: unknown, etag: string): boolean {
  return header === undefined || header === etag
}
