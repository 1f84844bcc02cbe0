import type { CompletedPart } from '@aws-sdk/client-s3'
import { cut } from '../cut.ts'
import type { Bucket } from './bucket.ts'

/** Of a part, and what an upload holds in memory; the smallest that stores take is 5 MiB. */
const partBytes = 8 * 1024 * 1024

/**
 * Makes an object of these pieces, which is there as a whole or not at all: only after the last piece has come, and `check` has passed it,
 * the store is told to put the parts together. Otherwise they are taken back.
 */
export async function upload<Found>(
  { ask, place: { bucket: Bucket } }: Bucket,
  Key: string,
  { pieces, check }: { pieces: AsyncIterable<Uint8Array>; check(): Found },
): Promise<Found> {
  const { UploadId, sums } = await ask(async (client) => {
    const wanted = await client.config.requestChecksumCalculation()
    // Whoever has switched checksums off has a store that knows none.
    const sums = wanted === 'WHEN_SUPPORTED' ? ({ ChecksumAlgorithm: 'CRC32' } as const) : {}
    const { UploadId } = await client.createMultipartUpload({ Bucket, Key, ...sums })
    return { UploadId, sums }
  })
  const target = { Bucket, Key, UploadId }
  try {
    const Parts: CompletedPart[] = []
    for await (const Body of cut(pieces, partBytes)) {
      const part = { ...target, ...sums, PartNumber: Parts.length + 1, Body }
      const { ETag, ChecksumCRC32 } = await ask((client) => client.uploadPart(part))
      Parts.push({ PartNumber: part.PartNumber, ETag, ChecksumCRC32 })
    }
    const found = check()
    const whole = { ...target, MultipartUpload: { Parts } }
    await ask((client) => client.completeMultipartUpload(whole))
    return found
  } catch (error) {
    // What stays is removed at a later start.
    await ask((client) => client.abortMultipartUpload(target)).catch(() => {})
    throw error
  }
}
