import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { exitCodes } from './cli.ts'
import { readConfigFile } from './config-file.ts'

describe('readConfigFile', () => {
  it('tells a file that is not there from one that cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-'))
    const path = join(folder, 'config.yaml')
    try {
      assert.equal(await readConfigFile(path), undefined)
      await writeFile(path, 'a: 1')
      assert.deepEqual(await readConfigFile(path), { a: 1 })
      await assert.rejects(readConfigFile(folder), {
        message: `read config "${folder}": it is a folder: move it away, or name a file`,
        exitCode: exitCodes.usage,
      })
      await writeFile(path, 'a')
      await assert.rejects(readConfigFile(path), {
        message: `parse "${path}": want a mapping of names to values at the top`,
        exitCode: exitCodes.usage,
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
