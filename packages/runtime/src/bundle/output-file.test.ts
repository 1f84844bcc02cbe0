import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openOutput } from './output-file.ts'

describe('openOutput', () => {
  it('says at once that its folder takes no files', async () => {
    // Nobody can, not even root.
    await assert.rejects(openOutput('/proc/backup', 'backup'), {
      name: 'CliError',
      message:
        /^write backup to "\/proc": .*: let this user write there, or choose another with --out$/,
    })
  })
})
