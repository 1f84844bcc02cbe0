import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { settleRestore } from '../start/settle-restore.ts'
import { withControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

const main = join(import.meta.dirname, '../main.ts')
const rounds = Number(process.env.PLEXD_RESTORE_KILLS ?? 2)

describe('the commands for backups', () => {
  it('say what is wrong with what was typed, and exit with 2', async () => {
    await using folder = await makeTemporaryFolder()
    const file = join(folder.path, 'list')
    await writeFile(file, '# mine\nage1x\n')
    const create = ['backup', 'create', '--data-dir', folder.path, '--out', join(folder.path, 'x')]
    for (const [args, message] of [
      [create, /for whom\? Name a public key of age with --recipient .*, or say --unencrypted/],
      [[...create, '--recipient', 'age1x'], /recipient "age1x": want age1…/],
      [[...create, '--recipients-file', file], /read ".*list": recipient "age1x": want age1…/],
      [[...create, '--unencrypted'], /no data folder of a control plane/],
      [['restore', file], /required option '--data-dir <DIR>'/],
    ] as const) {
      const { status, stderr } = run(args)
      assert.equal(status, 2, stderr)
      assert.match(stderr, message)
    }
    const { status, stderr } = run(['backup', 'verify', folder.path])
    assert.equal(status, 1)
    assert.match(stderr, /read backup ".*": it is a folder: name the file of a backup in it/)
  })
})

describe(`a restore that is killed, ${rounds} times`, () => {
  it('has happened completely, or not at all', { timeout: 600_000 }, async () => {
    await using folder = await makeTemporaryFolder()
    const origin = join(folder.path, 'data')
    await withControlPlane(origin, (plane) => plane.enrol('web'))
    const file = join(folder.path, 'backup')
    const made = run([
      'backup',
      'create',
      '--data-dir',
      origin,
      '--out',
      file,
      '--unencrypted',
      '--with-master-key',
    ])
    assert.equal(made.status, 0, made.stderr)
    const dataDir = join(folder.path, 'restored')
    const args = ['restore', file, '--data-dir', dataDir]
    for (let round = 0; round < rounds; round++) {
      const child = spawn(process.execPath, [main, ...args], { stdio: 'ignore' })
      // From where it has begun to write.
      await begun(dataDir, child)
      await delay(Math.random() * 400)
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      if (existsSync(dataDir)) settleRestore(dataDir)
      if (!existsSync(join(dataDir, 'control-plane.db'))) {
        const left = existsSync(dataDir) ? await readdir(dataDir) : []
        assert.deepEqual(
          left.filter((name) => !name.startsWith('lock')),
          [],
        )
        const again = run(args)
        assert.equal(again.status, 0, again.stderr)
      }
      await writeFile(join(dataDir, 'admin-token'), 'none', { mode: 0o600 })
      await withControlPlane(dataDir, async ({ app }) =>
        assert.deepEqual(
          Array.from(app.fleet.allNodes(), ({ hostname }) => hostname),
          ['web'],
        ),
      )
      await rm(dataDir, { recursive: true })
    }
  })
})

function run(args: readonly string[]): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
}

async function begun(dataDir: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null && !existsSync(join(dataDir, '.restore'))) await delay(5)
}
