import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type ApiError, createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { runProgram, runToEnd } from '../../scripts/programs/program.ts'
import { hasPrivateMounts, mountSkip, runPrivately } from '../support/private-mounts.ts'
import { startSystem } from '../support/system.ts'

if (hasPrivateMounts) {
  it('an agent whose disk fails and becomes read-only', agentTest)
} else {
  describe('a disk that becomes read-only', { skip: mountSkip }, () => {
    it('passes the test below, in a mount namespace of its own', () =>
      runPrivately(import.meta.filename, 1))
  })
}

/** It goes on with what it has, and says what to do; it starts there no more, and again when the disk is right. */
async function agentTest(t: TestContext): Promise<void> {
  await using system = await startSystem()
  const dataDir = join(system.folder, 'node-01', 'data')
  await using disk = await mountDisk(join(system.folder, 'disk'), dataDir)
  if (!disk.canFail) return void t.skip('this kernel has no switch for errors of ext4')
  const agent = await system.startAgent('node-01')
  const local = createClient(localApi, createUnixTransport(agent.socket, 5_000))
  const report = (key: string) =>
    local.putReport({ params: { key }, body: { content_type: 'text/plain', payload: key } })
  const read = async (key: string) => (await local.getReport({ params: { key } })).body.payload
  await report('before')

  await disk.fail()
  await assert.rejects(report('meanwhile'), (error: ApiError) => {
    assert.equal(error.status, 507)
    assert.match(error.message, /(EROFS|readonly).*: mount it for writing, "plexd status" says/)
    return true
  })
  // What was being written when it failed may have met with an error of the disk before.
  await until('it says so', async () =>
    /nothing can be kept in ".*": .*: mount it for writing, plexd goes/.test(
      (await local.getStatus({})).body.problems.join(),
    ),
  )
  assert.equal(await read('before'), 'before')
  const flags = ['--data-dir', dataDir, '--socket', agent.socket]
  const { stdout } = await runProgram('plexd', ['doctor', ...flags])
  assert.match(stdout, /FAILED +disk: +nothing can be kept in ".*": EROFS/)

  await agent.end()
  await assert.rejects(agent.start(), /: mount it for writing, or choose another with --data-dir/)
  await disk.mountAgain()
  await agent.start()
  assert.equal(await read('before'), 'before')
  await report('after')
  await agent.end()
}

/** An ext4 in a file, as Debian mounts it: `errors=remount-ro`. */
async function mountDisk(file: string, folder: string) {
  await writeFile(file, '')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await run('truncate', '--size=16M', file)
  await run('mkfs.ext4', '-q', '-F', file)
  await mount()
  const device = basename((await run('findmnt', '-no', 'SOURCE', folder)).trim())
  const failing = `/sys/fs/ext4/${device}/trigger_fs_error`

  async function mount(): Promise<void> {
    await run('mount', '-o', 'loop,errors=remount-ro', file, folder)
  }

  return {
    canFail: existsSync(failing),
    fail: () => writeFile(failing, '1'),
    async mountAgain() {
      await run('umount', folder)
      await run('fsck.ext4', '-y', file).catch(() => {}) // it tells by its exit code that it mended something
      await mount()
    },
    async [Symbol.asyncDispose]() {
      await run('umount', '--lazy', folder)
    },
  }
}

async function run(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(program, args)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
  return stdout
}
