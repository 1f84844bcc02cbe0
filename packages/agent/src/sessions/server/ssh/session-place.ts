import type { SessionClaims } from '@plexd/protocol'
import type { Clock, Log } from '@plexd/runtime'
import type { ServerChannel } from 'ssh2'
import type { Account } from '../../authorisation/accounts.ts'
import type { SessionRecorder } from '../channel-recording.ts'
import type { DialAsUser } from '../forwards/dial-as-user.ts'
import type { RecordLogin } from '../programs/login-records.ts'
import type { ProgramDeps } from '../programs/run-program.ts'
import type { ClientOut } from './client-out.ts'

/** What the channels of one session share. */
export interface SessionPlace {
  claims: SessionClaims
  token: string
  account: Account
  /** Where the client is. */
  from: string
  programs: ProgramDeps
  dial: DialAsUser
  recorder: SessionRecorder | undefined
  recordLogin: RecordLogin
  clock: Clock
  log: Log
  /** Is called with every byte of a channel, of which idleness and the report are made. */
  count(way: 'in' | 'out', bytes: number): void
  /** Aborted when the session has ended. */
  ended: AbortSignal
  /** Channels of programs, which are told when the session ends. */
  shown: Set<ServerChannel>
  out: ClientOut
}
