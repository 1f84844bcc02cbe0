import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { Socket } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { silentLog, systemClock } from '@plexd/runtime'
import { limits } from '../../limits.ts'
import { createKill } from './kill-at.ts'

/**
 * Moves the state of a data folder to PostgreSQL, and is killed at the call to the disk or the server of that number. Prints how many there
 * were if it comes through.
 */

const [, , dataDir = '', url = '', at = ''] = process.argv
const { beforeEach, calls } = createKill(Number(at))

for (const name of ['renameSync', 'mkdirSync', 'rmSync'] as const) beforeEach(fs, name)
for (const name of ['rename', 'open', 'rm'] as const) beforeEach(fs.promises, name)
beforeEach(Socket.prototype, 'write')
for (const name of ['exec', 'prepare', 'close'] as const) beforeEach(DatabaseSync.prototype, name)
syncBuiltinESMExports()

const { moveDatabase } = await import('../../database-move/move.ts')
await moveDatabase({
  ...{ dataDir, to: { url }, masterKeyFile: undefined, caKeyFile: undefined },
  telemetryMs: limits.telemetry_ms.default,
  ...{ clock: systemClock, log: silentLog, onProgress: () => {} },
})
fs.writeFileSync(1, String(calls()))
