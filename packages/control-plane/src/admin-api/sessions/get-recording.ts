import { Readable } from 'node:stream'
import { ApiError, adminApi, asciicastType } from '@plexd/protocol'
import type { Environment, Seals, SideStores, State } from '../../app.ts'
import { type Call, handle } from '../../handle.ts'
import { playRecording } from '../../recordings/play.ts'
import { readRecording, type StoredRecording } from '../../rows/recordings.ts'
import { readSession } from '../../rows/sessions.ts'
import { recordingKeyOf } from '../../sessions/recording.ts'

/** Streams it, so that its size does not matter. That somebody looks is on record before the first byte is sent. */
export const getRecording = handle(
  adminApi.getRecording,
  async (call, app: State & SideStores & Seals & Environment) => {
    const { session } = call.params
    const recording = await readRecording(app.store.reader, session)
    if (recording?.tenant_id !== call.principal.tenant_id)
      throw new ApiError('not_found', `there is no session "${session}" that was recorded`)
    if (recording.expired_at !== null)
      throw new ApiError('not_found', `the recording of session "${session}" is kept no longer`)
    await noteLook(call, recording, app)
    call.reply.type(asciicastType)
    const { id: session_id, created_at } = recording
    const chunks = (await readSession(app.store.reader, session_id))?.recording_chunks ?? null
    const key = (): string => keyOf(app, recording)
    return Readable.from(playRecording(app.recordings, { session_id, created_at, chunks, key }))
  },
)

function keyOf({ masterKey }: Seals, recording: StoredRecording): string {
  const key = recordingKeyOf(masterKey, recording)
  if (key === undefined) throw new Error('its key is gone')
  return key
}

async function noteLook(
  { principal: { id: operator_id, name: by, tenant_id } }: Call<typeof adminApi.getRecording>,
  { id: session_id, node_id }: StoredRecording,
  { telemetry, clock, log }: SideStores & Environment,
): Promise<void> {
  const record = {
    timestamp: new Date(clock.now()).toISOString(),
    source: 'control-plane',
    event_type: 'session',
    action: 'recording_read',
    result: 'success',
    subject: { operator_id, by },
    object: { session_id },
  }
  await telemetry.append({
    kind: 'audit',
    source: { tenant_id, node_id },
    records: [JSON.stringify(record)],
  })
  log.info('recording read by operator', { by, operator_id, session_id, node_id })
}
