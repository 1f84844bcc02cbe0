import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { contentOf, isWanted } from './contents.ts'

describe('the contents of a backup', () => {
  const inBackup = (path: string, ...parts: Parameters<typeof isWanted>[1]): boolean =>
    isWanted(contentOf(path), parts)

  it('are the state, and a file that nobody has named yet', () => {
    for (const path of [
      'control-plane.db',
      'ca.crt',
      'tls/ca.key',
      'artifacts/plexd/1/linux/amd64',
      'tls/next/ca.key',
      'future.db',
      'future.json',
    ])
      assert.ok(inBackup(path), path)
  })

  it('are never locks, sockets, work in progress and the token of an owner', () => {
    for (const path of [
      'lock',
      'lock-journal',
      'admin.sock',
      'admin-token',
      'control-plane.db-wal',
      'artifacts/incoming/x',
      '.tmp-1',
      'tls/.tmp-1',
      '.backup/files/ca.crt',
      'before-restore-20260310T000000Z/ca.crt',
      'before-move-20260310T000000Z/control-plane.db',
      'database.json',
      'telemetry/logs-000001.db.damaged',
      'telemetry/logs-000001.db.damaged-2',
      'recordings.db.damaged-4',
      'telemetry/logs-000001.db.salvaging',
    ])
      assert.equal(inBackup(path, 'telemetry', 'recordings', 'master-key'), false, path)
  })

  it('are more only when that is asked for', () => {
    for (const [path, part] of [
      ['master.key', 'master-key'],
      ['recordings.db', 'recordings'],
      ['series.db', 'telemetry'],
      ['telemetry/logs-000001.db', 'telemetry'],
    ] as const)
      assert.deepEqual([inBackup(path), inBackup(path, part)], [false, true], path)
  })
})
