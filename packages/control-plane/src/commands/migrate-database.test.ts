import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { noPostgres, startPostgres } from '@plexd/runtime/testing'
import { withControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

const main = join(import.meta.dirname, '../main.ts')

function run(...args: string[]) {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
}

describe('migrate-database', () => {
  it('says what is wrong with what was typed, and exits with 2', async () => {
    await using folder = await makeTemporaryFolder()
    const dir = ['--data-dir', folder.path]
    for (const [args, message] of [
      [dir, /required option '--to <URL>'/],
      [
        [...dir, '--to', 'postgres://db/plexd?sslmode=prefer'],
        /--to "postgres:\/\/db\/plexd": sslmode/,
      ],
      [[...dir, '--to', 'postgres://localhost/plexd'], /there is no "control-plane\.db" in it/],
    ] as const) {
      const { status, stderr } = run('migrate-database', ...args)
      assert.equal(status, 2, stderr)
      assert.match(stderr, message)
    }
  })

  it('says why there is no way to the database, and changes nothing', async () => {
    await using folder = await makeTemporaryFolder()
    await withControlPlane(folder.path, async () => {}, { databaseUrl: undefined })
    const to = `postgres://localhost/plexd?host=${encodeURIComponent(folder.path)}`
    const { status, stderr } = run('migrate-database', '--to', to, '--data-dir', folder.path)
    assert.equal(status, 1)
    assert.match(stderr, /the database cannot be reached/)
    await withControlPlane(folder.path, async () => {}, { databaseUrl: undefined })
  })

  it('says what was done, and what is to be done next', { skip: noPostgres }, async () => {
    await using server = await startPostgres()
    await using folder = await makeTemporaryFolder()
    const { path } = folder
    await withControlPlane(path, async () => {}, { databaseUrl: undefined, insecureHttp: false })
    const url = server.createDatabase()
    const { status, stdout, stderr } = run('migrate-database', '--to', url, '--data-dir', path)
    assert.equal(status, 0, stderr)
    const { aside, epoch } = JSON.parse(await readFile(join(path, 'database.json'), 'utf8'))
    for (const words of [
      /^moved to postgres:\/\/localhost.*: \d+ tables with \d+ rows, .*all read again there and the same\n/,
      new RegExp(`the event log has a new epoch, ${epoch}\\.\n`),
      /- name the database in the settings: database_url/,
      new RegExp(`needs ${path}/master\\.key, which is not in it`),
      new RegExp(`sealed: ${path}/tls/ca\\.key is left for going back`),
      new RegExp(`mv ${path}/${aside}/control-plane\\.db ${path}/\n`),
      new RegExp(
        `rm -r ${path}/${aside} ${path}/recordings\\.db ${path}/telemetry ${path}/series\\.db\n`,
      ),
    ])
      assert.match(stdout, words)
    assert.doesNotMatch(stdout, /not copied/)
    const again = run('migrate-database', '--to', url, '--data-dir', path)
    assert.match(again.stderr, /it was moved to "postgres:\/\/localhost.*" at /)
    const backup = ['--out', join(path, 'x'), '--unencrypted', '--data-dir', path]
    assert.match(run('backup', 'create', ...backup).stderr, /its state was moved to "postgres:/)
    const { stdout: findings } = run('doctor', '--json', '--data-dir', path)
    const { state } = JSON.parse(findings).find(
      (one: { check: string }) => one.check === 'PostgreSQL',
    )
    assert.equal(state, 'failed')

    await rename(join(path, aside, 'control-plane.db'), join(path, 'control-plane.db'))
    const left = ['--to', server.createDatabase(), '--data-dir', path, '--without-telemetry']
    const { stdout: said } = run('migrate-database', ...left)
    assert.match(said, new RegExp(`logs and audit records stay in ${path}/telemetry: they are not`))
    assert.match(said, /rm -r \S+ \S+recordings\.db\n/)
  })
})
