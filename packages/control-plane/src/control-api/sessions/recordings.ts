import { ApiError, controlApi, maxRecordingChunkBytes, recordingTagBytes } from '@plexd/protocol'
import type { Environment, Intake, SideStores, State } from '../../app.ts'
import { type Call, handle } from '../../handle.ts'
import { completeRecording, readRecording } from '../../rows/recordings.ts'
import { sourceOf } from '../../telemetry/store.ts'

type Upload = Call<typeof controlApi.uploadRecording>
type Needs = State & SideStores & Intake & Environment

/** Stores a chunk as it is: it is encrypted, and whether it is whole is found out when it is played. */
export const uploadRecording = handle(controlApi.uploadRecording, async (call, app: Needs) => {
  const { session_id } = call.params
  const recording = await readRecording(app.store.reader, session_id)
  if (!recording || recording.node_id !== call.principal.id) {
    if (recording) await tell(call, app)
    throw new ApiError('not_found', `this node has no session "${session_id}" that is recorded`)
  }
  if (recording.expired_at !== null)
    throw new ApiError('not_found', `the recording of session "${session_id}" is kept no longer`)
  const { outcome, isComplete } = await put(call, app)
  const { chunk } = call.params
  if (outcome === 'different')
    throw new ApiError('conflict', `session "${session_id}" has another chunk ${chunk}`)
  if (outcome === 'beyond')
    throw new ApiError(
      'conflict',
      `session "${session_id}" has no place for chunk ${chunk}: its recording ends before, or goes on behind it`,
    )
  if (outcome === 'full')
    throw new ApiError(
      'payload_too_large',
      `the recording of session "${session_id}" has its ${app.config.limits.session_recording_bytes} bytes (limit session_recording_bytes)`,
    )
  if (isComplete && recording.completed_at === null)
    await app.store.write((tx) => completeRecording(tx, session_id, app.clock.now()))
  return {}
})

async function put(call: Upload, { recordings, bodies, config }: Needs) {
  const { params, principal } = call
  const { body, isWhole } = await bodies.readSome(call, maxRecordingChunkBytes)
  if (!isWhole)
    throw new ApiError(
      'payload_too_large',
      `request body is larger than ${maxRecordingChunkBytes} bytes`,
    )
  if (body.length <= recordingTagBytes)
    throw new ApiError('bad_request', 'a chunk has a byte of flags, and a tag of 16 bytes')
  const { session_id, chunk } = params
  return recordings.put(
    { session_id, node_id: principal.id, index: Number(chunk), bytes: body },
    { maxBytes: config.limits.session_recording_bytes },
  )
}

/** A node that claims another's session is on record. */
async function tell({ params, principal }: Upload, app: Needs): Promise<void> {
  const { session_id } = params
  const { id: node_id, hostname } = principal
  app.log.warn("recording of another node's session refused", { node_id, hostname, session_id })
  const record = {
    timestamp: new Date(app.clock.now()).toISOString(),
    source: 'plexd',
    event_type: 'session',
    action: 'recording_uploaded',
    result: 'refused',
    subject: { session_id },
    hostname,
  }
  await app.telemetry.append({
    kind: 'audit',
    source: sourceOf(principal),
    records: [JSON.stringify(record)],
  })
}
