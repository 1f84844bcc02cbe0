/**
 * Loaded into a program under test before its own code. SIGUSR2 starts a CPU profile, and the next SIGUSR2 ends it;
 * SIGWINCH writes a heap snapshot. Both are written to PLEXD_PROFILE_DIR, and have their names once they are whole.
 *
 * Not TypeScript: what Node removes types with would be 7 MB of each snapshot.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import { writeHeapSnapshot } from 'node:v8'

const folder = process.env.PLEXD_PROFILE_DIR ?? '.'
/** @type {Session | undefined} */
let session

process.on('SIGUSR2', () => void toggle())
process.on('SIGWINCH', () => write('heapsnapshot', (path) => writeHeapSnapshot(path)))

async function toggle() {
  if (session) {
    const running = session
    session = undefined
    const { profile } = await running.post('Profiler.stop')
    write('cpuprofile', (path) => writeFileSync(path, JSON.stringify(profile)))
    running.disconnect()
    return
  }
  session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 500 })
  await session.post('Profiler.start')
}

/**
 * @param {string} ending
 * @param {(path: string) => void} make
 */
function write(ending, make) {
  const path = join(folder, `${Date.now()}.${ending}`)
  make(`${path}.draft`)
  renameSync(`${path}.draft`, path)
}
