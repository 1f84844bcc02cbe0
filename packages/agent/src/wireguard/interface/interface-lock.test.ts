import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync } from 'node:fs'
import { chmod, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { openNamespaceFolder } from '../../disk/namespace-folder.ts'
import { createNamespace, whyNoNamespaces } from '../../testing/namespace.ts'
import { lockHolder, lockInterface } from './interface-lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'plexd-test-'))
const runDir = join(folder, 'run')

describe('lockInterface', () => {
  after(() => rm(folder, { recursive: true }))

  it('gives an interface to one process, until that lets it go', async () => {
    const name = `test-${process.pid}`
    {
      await using lock = await lockInterface(name, runDir)
      assert.notEqual(lock, undefined)
      assert.equal(await lockInterface(name, runDir), undefined)
      assert.equal(inAnother(name), 'undefined')
      await using other = await lockInterface(`${name}-other`, runDir)
      assert.notEqual(other, undefined)
    }
    assert.equal(existsSync(runDir), false)
    assert.equal(inAnother(name), 'object')
    await using again = await lockInterface(name, runDir)
    assert.notEqual(again, undefined)
  })

  it('gives it in each network namespace, whose folders are apart', {
    skip: whyNoNamespaces(['ip']) ?? false,
  }, async () => {
    const name = `test-${process.pid}-twice`
    using namespace = createNamespace()
    await using _lock = await lockInterface(name, runDir)
    assert.equal(inAnother(name, namespace.enter), 'object')
  })

  it('cannot be taken by another user, whatever he opens or listens at', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('needs root, to be another user')
    await chmod(folder, 0o755)
    const name = `test-${process.pid}-taken`
    await using server = createServer().listen({ path: `\0plexd/${name}` })
    await once(server, 'listening')
    const path = `${await openNamespaceFolder(runDir)}/${name}.lock`
    await writeFile(path, '', { mode: 0o600 })
    for (const command of [`exec 9<'${path}'`, `exec 9>>'${path}'`, `: >'${path}.x'`]) {
      const { status, stderr } = spawnSync('sh', ['-c', command], { uid: 65_534, gid: 65_534 })
      assert.notEqual(status, 0)
      assert.match(String(stderr), /Permission denied/)
    }
    await using lock = await lockInterface(name, runDir)
    assert.notEqual(lock, undefined)
  })

  it('tells which process has it', async () => {
    const name = `test-${process.pid}-told`
    assert.equal(lockHolder(name, runDir), '')
    await using _lock = await lockInterface(name, runDir)
    assert.equal(lockHolder(name, runDir), `process ${process.pid}`)
  })
})

/** What another process gets, as a type. */
function inAnother(name: string, enter: readonly string[] = []): string {
  const script = `import { lockInterface } from '${import.meta.resolve('./interface-lock.ts')}'
process.stdout.write(typeof await lockInterface('${name}', '${runDir}'))`
  const [program = '', ...args] = [...enter, process.execPath, '--input-type=module', '-e', script]
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  assert.equal(stderr, '')
  return stdout
}
