import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { createKill } from './kill-at.ts'

/** Passes the gate of a database, and is killed at the call to the disk of that number. Prints how many there were if it comes through. */

const [, , path = '', at = ''] = process.argv
const { beforeEach, calls } = createKill(Number(at))

for (const name of ['renameSync', 'rmSync', 'openSync', 'writeSync', 'closeSync'] as const)
  beforeEach(fs, name)
syncBuiltinESMExports()
for (const name of ['exec', 'prepare', 'close'] as const) beforeEach(DatabaseSync.prototype, name)
beforeEach(StatementSync.prototype, 'run')

const { passGate } = await import('../../store/side/gate.ts')
passGate(path, {
  schema: 'create table if not exists items (id integer primary key, bytes blob)',
  log: { warn: () => {} },
  timeoutMs: 1_000,
})
fs.writeFileSync(1, String(calls()))
