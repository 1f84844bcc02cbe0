import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { testConfig } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { backupCheck } from './backup-check.ts'

const at = (hours: number): string => new Date(hours * 3_600_000).toISOString()
const made = { kind: 'create', outcome: 'ok', by: 'schedule', file: '/b/1', at: at(100) }
const weekly = { backupFolder: '.', backupEvery: { cron: '0 3 * * mon', time_zone: 'UTC' } }
const failure = { ...made, outcome: 'failed', at: at(101), reason: 'no room' }

describe('what the doctor says of backups', () => {
  for (const [title, records, options, expected] of [
    ['none yet', [], {}, ['ok', /^none was made yet; none are scheduled$/]],
    ['the last one', [made], {}, ['ok', /^the last was made .*: "\/b\/1"; none are scheduled$/]],
    ['a scheduled one that failed', [made, failure], {}, ['warning', /failed .*: no room$/]],
    ['one by hand that failed', [made, { ...failure, by: 'command' }], {}, ['ok', /the last/]],
    ['one that was made since', [failure, { ...made, at: at(102) }], {}, ['ok', /the last/]],
    ['those that are late', [made], { backupFolder: '.', nowHours: 149 }, ['warning', /the last/]],
    ['those that are not yet', [made], { backupFolder: '.', nowHours: 147 }, ['ok', /the last/]],
    // Hour 100 is 04:00 on a Monday, 1970-01-05.
    ['a weekly one in time', [made], { ...weekly, nowHours: 100 + 167 }, ['ok', /the last/]],
    ['one in its grace', [made], { ...weekly, nowHours: 99 + 7 * 24 + 5 }, ['ok', /the last/]],
    ['a weekly one, late', [made], { ...weekly, nowHours: 275 }, ['warning', /the last/]],
    ['a folder that is not there', [made], { backupFolder: '/none' }, ['failed', /\/none.*ENOENT/]],
  ] as const)
    it(`names ${title}`, async () => {
      await using folder = await makeTemporaryFolder()
      await writeFile(join(folder.path, 'backups.json'), JSON.stringify(records))
      const { nowHours = 101, ...settings } = { nowHours: undefined, ...options }
      const config = { ...testConfig({ dataDir: folder.path }), ...settings }
      const found = await backupCheck.run({ config, pid: undefined, nowMs: nowHours * 3_600_000 })
      assert.equal(found.state, expected[0])
      assert.match(found.detail, expected[1])
    })
})
