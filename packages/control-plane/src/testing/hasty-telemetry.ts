import { silentLog, systemClock } from '@plexd/runtime'
import { startControlPlane } from '../control-plane.ts'
import type { Limits } from '../limits.ts'
import { testConfig } from './harness.ts'

/** A control plane whose telemetry comes and goes in moments: no operator may set limits like these. Takes the data folder and the limits as JSON. */

const [, , dataDir = '', limits = '{}'] = process.argv
const config = testConfig({ dataDir, limits: JSON.parse(limits) as Partial<Limits> }) // of its test
const { url } = await startControlPlane(config, { clock: systemClock, log: silentLog })
process.stdout.write(`listening on ${url}\n`)
