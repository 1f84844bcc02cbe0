import assert from 'node:assert/strict'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { makePlannedBackup } from '../backup/planned/planned.ts'
import { examineControlPlane } from '../doctor/doctor.ts'
import { startProcess } from '../testing/child.ts'
import { startControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { makeDueBackup } from './back-up.ts'

const recipient = 'age1hhjq0hmx6m6tznj6dph878pvqqdzxvf29ha9zfy5yy5dah85vuas6mkww5'
const { signal } = new AbortController()

describe('backups that are made by themselves', () => {
  it('are made by the program itself, and shown to monitors', async () => {
    await using folder = await makeTemporaryFolder()
    const backups = join(folder.path, 'backups')
    await mkdir(backups)
    const args = ['--data-dir', join(folder.path, 'data'), '--listen', '127.0.0.1:0']
    args.push('--insecure-http', '--stun-listen', 'off', '--admin-socket', 'off')
    args.push('--backup-folder', backups, '--backup-recipient', recipient)
    await using plane = await startProcess(args)
    const metric = async (name: string): Promise<number> => {
      const text = await (await fetch(`${plane.url}/metrics`)).text()
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
    }
    await until(
      'a backup is on record',
      async () => (await metric('plexd_backup_last_success_timestamp_seconds')) > 0,
      120_000,
    )
    assert.equal(await metric('plexd_backup_failing'), 0)
    const [name = '', ...more] = await readdir(backups)
    assert.match(name, /^plexd-\d{8}T\d{6}Z\.tar\.zst\.age$/)
    assert.deepEqual(more, ['plexd-backups-owner'])
  })

  it('are on record once when they fail, by whichever process could write it', async () => {
    await using folder = await makeTemporaryFolder()
    await using plane = await startControlPlane({
      config: { backupFolder: folder.path, backupRecipients: [recipient] },
    })
    await makeDueBackup(plane.app, signal, async (args) => {
      const file = args[args.indexOf('--out') + 1]
      const record = { kind: 'create', outcome: 'failed', by: 'schedule', file, reason: 'no room' }
      const text = JSON.stringify([{ ...record, at: new Date().toISOString() }])
      await writeFile(join(plane.dataDir, 'backups.json'), text)
      throw new Error('it ended with 1: no room')
    })
    const reasons = plane.app.backups.records().map(({ reason }) => reason)
    assert.deepEqual(reasons, ['no room'])
  })

  it('keep the newest, remove what was left half, and warn of what failed until one succeeds', async () => {
    await using folder = await makeTemporaryFolder()
    await using plane = await startControlPlane({
      config: { backupFolder: folder.path, backupRecipients: [recipient], backupKeep: 2 },
    })
    const { app } = plane
    const ready = async () => (await (await fetch(`${plane.url}/readyz`)).json()) as object
    const doctor = async () =>
      (await examineControlPlane(app.config, Date.now())).find(({ check }) => check === 'backup')
    const kept = [
      'plexd-20200101T000000Z.tar.zst.age',
      'plexd-20210101T000000Z.tar.zst.age',
      'mine',
    ]
    for (const name of [...kept, `${kept[0]}.0123abcd.partial`])
      await writeFile(join(folder.path, name), '')
    const remnant = join(folder.path, `${kept[0]}.0123abcd.partial`)
    await utimes(remnant, 0, 0)
    // Somebody makes one by hand.
    const unfinished = 'plexd-20220101T000000Z.tar.zst.4567cdef.partial'
    await writeFile(join(folder.path, unfinished), '')

    await makeDueBackup(app, signal, async () => Promise.reject(new Error('no room')))
    assert.deepEqual(Object.keys(await ready()), ['status', 'warnings'])
    const finding = await doctor()
    assert.deepEqual(
      [finding?.state],
      ['ok'],
      'what could not be written is known to the process alone',
    )

    let asked = 0
    const succeed = async (args: readonly string[]): Promise<string> => {
      asked++
      await writeFile(args[args.indexOf('--out') + 1] ?? '', '')
      const record = {
        kind: 'create',
        outcome: 'ok',
        by: 'schedule',
        file: 'x',
        at: new Date(Date.now() + 1_000).toISOString(),
      }
      await writeFile(join(plane.dataDir, 'backups.json'), JSON.stringify([record]))
      return '{}'
    }
    await makeDueBackup(app, signal, succeed)
    assert.equal(asked, 0, 'not again within a quarter of an hour')
    const later = { ...app, clock: { ...app.clock, now: () => Date.now() + 16 * 60_000 } }
    await makeDueBackup(
      { ...later, config: app.config, log: app.log, backups: app.backups },
      signal,
      succeed,
    )
    assert.equal(asked, 1)
    assert.deepEqual(await ready(), { status: 'ready' })
    const names = (await readdir(folder.path)).sort()
    assert.equal(names.length, 5)
    const old = ['mine', 'plexd-20210101T000000Z.tar.zst.age', unfinished]
    assert.deepEqual(names.slice(0, 3), old)
  })

  it('are not made where those of another control plane are, which stay', async () => {
    await using folder = await makeTemporaryFolder()
    const config = { backupFolder: folder.path, backupKeep: 1 }
    await using one = await startControlPlane({ config })
    await using other = await startControlPlane({ config })
    const file = join(folder.path, 'plexd-20260101T000000Z.tar.zst')
    const later = join(folder.path, 'plexd-20260102T000000Z.tar.zst')
    const options = { nowMs: Date.now(), log: silentLog }
    const run = async (): Promise<string> => {
      await writeFile(file, '')
      return '{"bytes":1,"seconds":2}'
    }
    await makePlannedBackup(one.app.config, file, { ...options, run })
    await assert.rejects(
      makePlannedBackup(other.app.config, later, { ...options, run: async () => assert.fail() }),
      /it has the backups of another control plane, says ".*plexd-backups-owner": give each a folder/,
    )
    await makePlannedBackup(one.app.config, file, { ...options, run })
    assert.deepEqual(await readdir(folder.path), [
      'plexd-20260101T000000Z.tar.zst',
      'plexd-backups-owner',
    ])
  })

  it('counts one that was made, also if an older one cannot be removed', async () => {
    await using old = await makeTemporaryFolder()
    await using plane = await startControlPlane({
      config: { backupFolder: old.path, backupKeep: 1, backupKeepForMs: 1 },
    })
    // Nobody removes a folder as a file.
    await mkdir(join(old.path, 'plexd-20190101T000000Z.tar.zst'))
    const { config } = plane.app
    const lines: string[] = []
    const log = { ...silentLog, warn: (line: string) => void lines.push(line) }
    const file = join(old.path, 'plexd-20260101T000000Z.tar.zst')
    const run = async (): Promise<string> => {
      await writeFile(file, '')
      return '{"bytes":1,"seconds":2}'
    }
    const made = await makePlannedBackup(config, file, { nowMs: Date.now(), log, run })
    assert.deepEqual(made, { bytes: 1, seconds: 2 })
    assert.deepEqual(lines, ['old backups are not removed'])
  })
})
