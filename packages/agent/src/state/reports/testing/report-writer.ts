import { writeSync } from 'node:fs'
import { silentLog, systemClock } from '@plexd/runtime'
import { defaultConfig } from '../../../config/agent-config.ts'
import { openReportStore } from '../report-store.ts'

/**
 * The program that the kill test kills: sixteen writers, each with a key of its own, put and delete until the end.
 * Each says on stdout what it is about to do, and then that it was acknowledged.
 */
const [dataDir = '', run = ''] = process.argv.slice(2)
const { limits } = defaultConfig
const store = await openReportStore({ dataDir, clock: systemClock, log: silentLog, limits })

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

async function writer(key: string): Promise<never> {
  for (let n = 0; ; n++) {
    if (n % 7 === 6) {
      say({ key, deleting: true })
      await store.delete(key)
      say({ key, deleted: true })
      continue
    }
    const payload = JSON.stringify(`${run}.${n} ${'x'.repeat(n % 900)}`)
    say({ key, putting: payload })
    const { version } = await store.put({ key, content_type: 'text/plain', payload })
    say({ key, put: payload, version })
    // As a program does that syncs: confirmations are records among the others.
    if (n % 5 === 0) await store.confirm([...store.unsynced()].slice(0, 3))
  }
}

await Promise.all(Array.from({ length: 16 }, (_, n) => writer(`key-${n}`)))
