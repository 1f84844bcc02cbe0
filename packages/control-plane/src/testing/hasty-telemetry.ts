import { silentLog, systemClock } from '@plexd/runtime'
import { startControlPlane } from '../control-plane.ts'
import type { Limits } from '../limits.ts'
import { testConfig } from './harness.ts'

/** A control plane whose telemetry comes and goes in moments: no operator may set limits like these. Takes the data folder, the limits as JSON, and the URL of a database of PostgreSQL if the state is to be there. */

const [, , dataDir = '', limits = '{}', databaseUrl] = process.argv
const config = testConfig({
  dataDir,
  databaseUrl,
  limits: JSON.parse(limits) as Partial<Limits>, // of its test
})
const { url } = await startControlPlane(config, { clock: systemClock, log: silentLog })
process.stdout.write(`listening on ${url}\n`)
