import { randomBytes } from 'node:crypto'
import type { CloseReason, RecordingSetup, Session } from '@plexd/protocol'
import { insertRecording, readRecording, type StoredRecording } from '../rows/recordings.ts'
import type { RowUnit } from '../rows/unit.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { placeOf } from '../seal/places.ts'
import { open, seal } from '../seal/seal.ts'
import type { Reader } from '../store/db.ts'

/** In the unit that creates the session: the session is to be recorded, under a key of its own. */
export async function newRecordingKey(
  { tx, nowMs }: Pick<RowUnit, 'tx' | 'nowMs'>,
  masterKey: MasterKey,
  { id, tenant_id, node_id }: { id: string; tenant_id: string; node_id: string },
): Promise<void> {
  await insertRecording(tx, {
    id,
    tenant_id,
    node_id,
    key_sealed: seal(masterKey, randomBytes(keyBytes).toString('base64'), placeOf.recordingKey(id)),
    created_at: nowMs,
  })
}

/** AES-256. */
const keyBytes = 32

/** For the node. Undefined if the session is not recorded, or its recording is kept no longer. */
export async function recordingSetupOf(
  reader: Reader,
  masterKey: MasterKey,
  { id, record_input }: { id: string; record_input: boolean },
): Promise<RecordingSetup | undefined> {
  const row = await readRecording(reader, id)
  const key = row && recordingKeyOf(masterKey, row)
  return key === undefined ? undefined : { key, input: record_input }
}

/** In base64; undefined if the recording is kept no longer. Throws if the master key does not open it. */
export function recordingKeyOf(
  masterKey: MasterKey,
  { id, key_sealed }: Pick<StoredRecording, 'id' | 'key_sealed'>,
): string | undefined {
  return key_sealed === null ? undefined : open(masterKey, key_sealed, placeOf.recordingKey(id))
}

/** A node that is away for longer is not waited for: what it has not sent is missing. */
const graceMs = 24 * 60 * 60_000

interface Ending {
  closedAtMs: number | null
  reason?: CloseReason | null
  nowMs: number
}

/** What operators see of the recording of a session that was closed at that time, if at all. Pure. */
export function recordingState(
  recording: Pick<StoredRecording, 'completed_at' | 'expired_at'> | undefined,
  { closedAtMs, reason, nowMs }: Ending,
): Session['recording'] {
  // One that a node refuses never ran.
  if (!recording || reason === 'refused') return 'none'
  if (recording.expired_at !== null) return 'expired'
  const isOver = closedAtMs !== null && nowMs >= closedAtMs + graceMs
  return recording.completed_at !== null || isOver ? 'complete' : 'recording'
}
