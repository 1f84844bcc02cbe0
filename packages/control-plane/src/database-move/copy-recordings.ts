import type { Holding, RecordingStore, StoredChunk } from '../recordings/store.ts'
import {
  type BlobsDigest,
  type CopiedBlobs,
  createBlobsDigest,
  demandSameBlobs,
} from './blobs-digest.ts'

/** Opens the target with a clock: how long a recording is kept counts from when it began. */
export type OpenTarget = (now: () => number) => Promise<RecordingStore>

/** Copies all recordings, and reads them again there. May be repeated: what is there goes first. */
export async function copyRecordings(
  source: RecordingStore,
  openTarget: OpenTarget,
  onProgress: (text: string) => void,
): Promise<CopiedBlobs> {
  let nowMs = 0
  await using target = await openTarget(() => nowMs)
  const holdings = await source.holdings()
  await target.remove((await target.holdings()).map(({ session_id }) => session_id))
  for (const [index, holding] of holdings.entries()) {
    onProgress(`copying recordings, ${index + 1} of ${holdings.length}`)
    nowMs = holding.started_at
    await copyOne(source, target, holding)
  }
  return demandSameBlobs({
    what: 'recordings',
    source: await digestOf(source),
    target: await digestOf(target),
  })
}

async function copyOne(
  source: RecordingStore,
  target: RecordingStore,
  { session_id, node_id }: Holding,
): Promise<void> {
  for await (const { index, bytes } of chunksOf(source, session_id)) {
    const chunk = { session_id, node_id, index, bytes }
    const { outcome } = await target.put(chunk, { maxBytes: Number.MAX_SAFE_INTEGER })
    if (outcome !== 'kept')
      throw new Error(`copy chunk ${index} of recording "${session_id}": it is ${outcome}`)
  }
}

async function digestOf(store: RecordingStore): Promise<BlobsDigest> {
  const digest = createBlobsDigest()
  for (const { session_id, node_id, bytes, started_at } of await store.holdings()) {
    digest.item(`${session_id} ${node_id} ${bytes} ${started_at}`)
    for await (const chunk of chunksOf(store, session_id)) digest.add(chunk.bytes)
  }
  return digest.result()
}

async function* chunksOf(store: RecordingStore, id: string): AsyncGenerator<StoredChunk> {
  for (let from = 0; ; ) {
    const chunk = await store.next(id, from)
    if (!chunk) return
    yield chunk
    from = chunk.index + 1
  }
}
