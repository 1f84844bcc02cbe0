import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '@plexd/runtime'
import { openQueue, type Queue } from '../../../queue/queue.ts'
import { isRecordedChunk, type RecordedChunk } from '../recorded-chunk.ts'

/** A queue on the disk, as the daemon has it; it ends with the stack. */
export async function openRecordings(
  stack: AsyncDisposableStack,
): Promise<{ folder: string; queue: Queue<RecordedChunk> }> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-recordings-'))
  stack.defer(() => rm(folder, { recursive: true }))
  return { folder, queue: stack.use(await openRecordingsIn(folder)) }
}

export function openRecordingsIn(folder: string): Promise<Queue<RecordedChunk>> {
  return openQueue<RecordedChunk>(folder, {
    name: 'recordings',
    isItem: isRecordedChunk,
    limit: { bytes: 1e9 },
    whenFull: 'refuse newest',
    log: silentLog,
  })
}
