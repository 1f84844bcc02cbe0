import type { Bytes } from '../store.ts'
import type { Bucket } from './bucket.ts'

/**
 * The bytes of an object. A client may be so slow that the store closes the connection meanwhile: the rest is asked for again then, as long
 * as each answer brings some. Throws if none comes any more: who reads it must not take it for whole.
 */
export async function* download(
  bucket: Bucket,
  key: string,
  { start, end }: Bytes,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at <= end; ) {
    const began = at
    const body = await openBody(bucket, key, { start: at, end })
    const pieces: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]()
    let broken: unknown
    try {
      for (;;) {
        const { done, value } = await pieces.next().catch((error: unknown) => {
          broken = error
          return { done: true, value: undefined } as const
        })
        if (done) break
        at += value.length
        yield value
      }
    } finally {
      body.destroy()
    }
    if (at === began) throw new Error(`read "${key}" from ${at}: nothing came`, { cause: broken })
  }
}

/** How large it is. By a byte of it, since the answer to HEAD does not say what is missing: the object or the bucket. */
export async function sizeOf(bucket: Bucket, key: string): Promise<number> {
  const { ContentRange = '', Body } = await getBytes(bucket, key, { start: 0, end: 0 })
  ;(Body as NodeBody | undefined)?.destroy()
  const [, size] = /\/(\d+)$/.exec(ContentRange) ?? []
  if (size === undefined) throw new Error(`read "${key}": its store does not know ranges`)
  return Number(size)
}

/** What the client gives in Node. */
type NodeBody = AsyncIterable<Uint8Array> & { destroy(): void }

async function openBody(bucket: Bucket, key: string, bytes: Bytes): Promise<NodeBody> {
  const { Body } = await getBytes(bucket, key, bytes)
  return Body as NodeBody // see there
}

function getBytes({ ask, place }: Bucket, Key: string, { start, end }: Bytes) {
  const wanted = { Bucket: place.bucket, Key, Range: `bytes=${start}-${end}` }
  return ask((client) => client.getObject(wanted))
}
