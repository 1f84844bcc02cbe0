import { setting } from './setting.ts'
import { count, duration, flag, longestSilenceMs } from './values.ts'

/** How far operators may reach into the node. */
export const sessionSettings = {
  sessionsEnabled: setting(true, flag, {
    keys: ['sessions.enabled'],
    env: 'PLEXD_SESSIONS_ENABLED',
    reloads: true,
    help: 'let operators open sessions on this node: a shell, files, forwards',
  }),
  maxSessions: setting(10, count(1, 1_000), {
    keys: ['sessions.max_sessions'],
    reloads: true,
    help: 'how many of them at a time',
  }),
  sessionsPort: setting(8_022, count(1, 65_535), {
    keys: ['sessions.port'],
    help: 'TCP port on the mesh address for sessions by the mesh; open only while one waits or runs',
  }),
  sessionIdleMs: setting(60 * 60_000, duration(1_000, longestSilenceMs), {
    keys: ['sessions.idle_timeout'],
    reloads: true,
    help: 'no session is kept longer without a byte in either direction, whatever a request asks for',
  }),
  maxSessionMs: setting(12 * 3_600_000, duration(1_000, longestSilenceMs), {
    keys: ['sessions.max_length'],
    reloads: true,
    help: 'no session is longer, whatever a request asks for',
  }),
  sessionRecordingBytes: setting(256 * 1024 * 1024, count(64 * 1024, 2 ** 40), {
    keys: ['sessions.recording_bytes'],
    reloads: true,
    help: 'what the recording of one session may take, in bytes as it is stored, packed; past it the session ends',
  }),
}
