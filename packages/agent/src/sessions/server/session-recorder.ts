import { createRecorder } from '../recording/recorder.ts'
import type { OpenRecorder } from './session-server.ts'

/** Undefined for a session that is not recorded. */
export const openSessionRecorder: OpenRecorder = ({ session_id, recording }, store, onFailure) => {
  if (!recording) return undefined
  const { key, input, limit_bytes } = recording
  // A terminal says its size when it is opened.
  const size = { width: 80, height: 24 }
  return createRecorder({
    ...{ session_id, key, input, ...size },
    limitBytes: limit_bytes,
    store,
    onFailure,
  })
}
