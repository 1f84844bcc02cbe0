import type { Client, ControlApi } from '@plexd/protocol'
import type { Delivery, DeliveryDeps } from '../../control/delivery.ts'
import { startQueueDelivery } from '../../control/queue-delivery.ts'
import type { Problems } from '../../health/problems.ts'
import type { Queue } from '../../queue/queue.ts'
import type { RecordedChunk } from './recorded-chunk.ts'

export interface UploadDeps extends DeliveryDeps {
  client: Pick<Client<ControlApi>, 'uploadRecording'>
  nodeId: string
  problems: Pick<Problems, 'set'>
}

/** Requests at a time: with one, a far control plane would get less than a busy session writes. */
const batch = { items: 8, bytes: 1024 * 1024 }

/** How long a refusal is shown: nobody can make it undone. */
const shownMs = 60 * 60_000

/** Uploads chunks until the control plane has them. A chunk that it will never take is dropped, and shown as a problem for an hour. */
export function startRecordingUpload(queue: Queue<RecordedChunk>, deps: UploadDeps): Delivery {
  const { client, nodeId, problems, clock, describe } = deps
  let shown = new AbortController()

  async function upload(chunk: RecordedChunk, signal: AbortSignal): Promise<void> {
    const { session_id, index, bytes } = chunk
    const params = { node_id: nodeId, session_id, chunk: String(index) }
    await client.uploadRecording({ params, body: Uint8Array.fromBase64(bytes), signal })
  }

  function show(text: string): void {
    problems.set('recordings', text)
    shown.abort()
    shown = new AbortController()
    clock.sleep(shownMs, shown.signal).then(
      () => problems.set('recordings', undefined),
      () => {}, // the next one is shown
    )
  }

  const delivery = startQueueDelivery(
    queue,
    {
      what: 'recording',
      batch,
      async send(chunks, signal) {
        const sent = await Promise.allSettled(chunks.map((chunk) => upload(chunk, signal)))
        for (const one of sent) if (one.status === 'rejected') throw one.reason
      },
      onRefused(chunks, error) {
        for (const { session_id, index } of chunks)
          show(
            `chunk ${index} of the recording of session "${session_id}" is lost, because the control plane refuses it: ${describe(error)}`,
          )
      },
    },
    deps,
  )
  return {
    ...delivery,
    async [Symbol.asyncDispose]() {
      shown.abort()
      await delivery[Symbol.asyncDispose]()
    },
  }
}
