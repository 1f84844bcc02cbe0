import { controlApi, fillPath, signatureHeader } from '@plexd/protocol'
import { createOpener, type Opener, type OpenerConfig } from './open-answer.ts'

/** A build of plexd, as the control plane serves it. */
export interface ArtifactDownload {
  /** Of the whole file, in bytes. */
  size: number
  /** Where the bytes that come begin: 0, or as asked. */
  from: number
  /** `sha256:` and hex, by the control plane; empty if it does not say. */
  checksum: string
  /** In base64; empty if it has none. */
  signature: string
  /** Iteration throws if the connection breaks, or ends early. */
  chunks: AsyncIterable<Uint8Array>
}

export interface ArtifactRequest {
  version: string
  os: string
  arch: string
  /** The first byte that is wanted. */
  from: number
  /** `sha256:` and hex of the file that the bytes before `from` are of. */
  checksum: string
  signal: AbortSignal
}

export type OpenArtifact = (request: ArtifactRequest) => Promise<ArtifactDownload>

/** Rejects with an ApiError: 404 if there is no such build. Another file than the wanted one comes from its beginning. */
export function createArtifactOpener(config: OpenerConfig, who: Opener): OpenArtifact {
  const open = createOpener(config, who)
  return async ({ from, checksum, signal, ...params }) => {
    const { response } = await open({
      path: fillPath(controlApi.downloadArtifact.path, { ...params }),
      headers: {
        accept: type,
        ...(from === 0 ? {} : { range: `bytes=${from}-`, 'if-range': `"${checksum}"` }),
      },
      type,
      signal,
    })
    const { headers, statusCode } = response
    const [, start, whole] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers['content-range'] ?? '') ?? []
    return {
      size: Number((statusCode === 206 ? whole : headers['content-length']) ?? Number.NaN),
      from: statusCode === 206 ? Number(start) : 0,
      checksum: /^"(sha256:[0-9a-f]{64})"$/.exec(headers.etag ?? '')?.[1] ?? '',
      signature: String(headers[signatureHeader] ?? ''),
      chunks: response,
    }
  }
}

const type = 'application/octet-stream'
