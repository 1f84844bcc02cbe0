import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { readConfigFile } from '../cli/config-file.ts'
import { readCa } from '../net/trust.ts'
import { readPlainFile } from './plain-file.ts'
import { readSecretFile } from './secret-file.ts'

describe('readPlainFile', () => {
  it('waits for nobody: a named pipe is refused, whoever reads it, and so is a device', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-'))
    try {
      const pipe = join(folder, 'pipe')
      execFileSync('mkfifo', [pipe])
      const refused = /: it is a named pipe: want a file$/
      assert.throws(() => readPlainFile(pipe, 'read settings'), refused)
      assert.throws(() => readSecretFile(pipe, 'read token'), refused)
      assert.throws(() => readCa(pipe), refused)
      await assert.rejects(readConfigFile(pipe), refused)
      assert.throws(() => readPlainFile('/dev/zero', 'read token'), {
        message: 'read token: it is a device: want a file',
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('reads what is no longer than a mebibyte', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-'))
    try {
      const path = join(folder, 'file')
      await writeFile(path, 'x'.repeat(1024 * 1024))
      assert.equal(readPlainFile(path, 'read settings').length, 1024 * 1024)
      await writeFile(path, 'x'.repeat(1024 * 1024 + 1))
      assert.throws(() => readPlainFile(path, 'read settings'), {
        message: 'read settings: it is larger than 1048576 bytes',
      })
      assert.equal(readPlainFile('/dev/null', 'read settings'), '')
      assert.throws(() => readPlainFile(join(folder, 'none'), 'read settings'), {
        message: 'read settings',
      })
      assert.throws(() => readPlainFile(folder, 'read settings'), {
        message: 'read settings: it is a folder: move it away, or name a file',
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('reads what a shell hands over to its end, however late it comes', () => {
    const script = `import { readPlainFile } from '${import.meta.resolve('./plain-file.ts')}'
process.stdout.write(readPlainFile(process.argv[1], 'read token'))`
    const read = `"${process.execPath}" --input-type=module -e "$0"`
    for (const command of [
      `${read} <(sleep 0.3; echo s3cret)`,
      `(sleep 0.3; echo s3cret) | ${read} /dev/stdin`,
    ]) {
      const { stdout, stderr } = spawnSync('bash', ['-c', command, script], { encoding: 'utf8' })
      assert.deepEqual([stdout, stderr], ['s3cret\n', ''])
    }
  })
})
