import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { silentLog, systemClock } from '@plexd/runtime'
import { createPrograms } from '../telemetry/latest/programs.ts'
import { startSeries } from '../telemetry/series/series.ts'
import { openSeriesAt } from '../telemetry/series/testing/series-stores.ts'
import { openSqliteTelemetry } from '../telemetry/sqlite-store.ts'

/** Makes series of points that come all the time, and writes them all the time, until it is killed. Takes a folder, and where they are kept. */

const [, , folder = '', place = ''] = process.argv
const telemetry = openSqliteTelemetry(join(folder, 'telemetry'))
const room = { own: 100, programs: 100 }
const options = { room, onLeftOut: () => {} }
const store = await openSeriesAt(place, options)
const programs = createPrograms(() => ({ node_program_series: 100, tenant_program_series: 100 }))
const series = startSeries({
  store,
  telemetry,
  clock: systemClock,
  log: silentLog,
  programs,
  ...options,
})

async function send(): Promise<void> {
  for (;;) {
    const timestamp = new Date(systemClock.now()).toISOString()
    const record = JSON.stringify({ group: 'node_resources', timestamp, data: { cpu_percent: 1 } })
    const source = { tenant_id: 't', node_id: `n_${randomInt(50)}` }
    await telemetry.append({ kind: 'metrics', source, records: [record] })
    process.stdout.write('.')
  }
}

async function write(): Promise<void> {
  for (;;) {
    await series.flush()
    await systemClock.sleep(randomInt(10))
  }
}

await Promise.all([send(), write()])
