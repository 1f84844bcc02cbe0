/**
 * Loaded into a program under test before its own code. SIGUSR2 starts a CPU profile, and the next SIGUSR2 ends it;
 * SIGWINCH writes a heap snapshot. Both are written to PLEXD_PROFILE_DIR.
 */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import { writeHeapSnapshot } from 'node:v8'

const folder = process.env.PLEXD_PROFILE_DIR ?? '.'
let session: Session | undefined

process.on('SIGUSR2', () => void toggle())
process.on('SIGWINCH', () => writeHeapSnapshot(join(folder, `${Date.now()}.heapsnapshot`)))

async function toggle(): Promise<void> {
  if (session) {
    const running = session
    session = undefined
    const { profile } = await running.post('Profiler.stop')
    writeFileSync(join(folder, `${Date.now()}.cpuprofile`), JSON.stringify(profile))
    running.disconnect()
    return
  }
  session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 500 })
  await session.post('Profiler.start')
}
