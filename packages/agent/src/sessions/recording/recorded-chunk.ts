import { validatorOf } from '@plexd/protocol'
import { type Static, Type } from 'typebox'
import { type Queue, QueueFull } from '../../queue/queue.ts'

/** A chunk on its way to the control plane, as the queue has it. */
export const RecordedChunk = Type.Object({
  session_id: Type.String({ minLength: 1 }),
  index: Type.Integer({ minimum: 0 }),
  /** In base64: flags, ciphertext and tag. */
  bytes: Type.String(),
})
export type RecordedChunk = Static<typeof RecordedChunk>

const validator = validatorOf(RecordedChunk)

export function isRecordedChunk(value: unknown): value is RecordedChunk {
  return validator().Check(value)
}

/**
 * Resolves when the chunk is on the disk. Rejects if it is not, with a reason for people: the queue is full, or the disk takes nothing;
 * in the latter case it may arrive all the same.
 */
export async function storeChunk(
  queue: Pick<Queue<RecordedChunk>, 'append'>,
  chunk: { session_id: string; index: number; bytes: Uint8Array },
): Promise<void> {
  const { session_id, index, bytes } = chunk
  const isOnDisk = await queue
    .append([{ session_id, index, bytes: bytes.toBase64() }])
    .catch((error: unknown) => {
      throw error instanceof QueueFull
        ? new Error(
            'too much waits for the control plane, which has not taken it (limit recording_queue_bytes)',
            { cause: error },
          )
        : error
    })
  if (!isOnDisk) throw new Error('the disk takes nothing')
}
