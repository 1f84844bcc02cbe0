import type { StoredPayload } from '../log/new-event.ts'
import type { StoredEvent } from '../rows/log/events.ts'
import { readSession } from '../rows/sessions.ts'
import type { MasterKey } from '../seal/master-key.ts'
import type { Reader } from '../store/db.ts'
import { recordingSetupOf } from './recording.ts'
import { claimsOf, signSessionToken } from './token.ts'

/** What a setup is filled in from when it is sent. */
export interface SetupSources {
  reader: Reader
  /** The private key that signs what was logged at a sequence. */
  keyFor(seq: number): Promise<CryptoKey>
  now(): number
  /** Opens the keys of recordings. */
  masterKey: MasterKey
}

/** The payload of `ssh_session_setup` with its token and the key of its recording, as JSON text; undefined for a session that has ended. */
export async function setupPayload(
  { seq, payload }: Pick<StoredEvent, 'seq' | 'payload'>,
  { reader, keyFor, now, masterKey }: SetupSources,
): Promise<string | undefined> {
  const setup = JSON.parse(payload) as StoredPayload<'ssh_session_setup'> // made by the log
  const row = await readSession(reader, setup.session_id ?? '')
  if (!row || row.state === 'closed' || row.expires_at <= now()) return undefined
  const session_token = await signSessionToken(claimsOf(row, now()), await keyFor(seq))
  if (!row.recorded || !setup.session) return JSON.stringify({ ...setup, session_token })
  const recording = await recordingSetupOf(reader, masterKey, row)
  // Without a key nothing could be recorded, so there is no session.
  if (!recording) return undefined
  return JSON.stringify({ ...setup, session_token, session: { ...setup.session, recording } })
}
