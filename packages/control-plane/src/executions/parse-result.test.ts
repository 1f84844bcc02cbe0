import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolveLimits } from '@plexd/runtime'
import { limits } from '../limits.ts'
import { parseResult } from './parse-result.ts'

const parse = (value: unknown) =>
  parseResult(Buffer.from(JSON.stringify(value)), resolveLimits(limits, {}))

describe('parseResult', () => {
  it('keeps 64 KiB of each output, and no half characters', () => {
    const { stdout, stderr } = parse({
      status: 'success',
      stdout: 'x'.repeat(70_000),
      stderr: 'é'.repeat(40_000),
    })
    assert.ok(stdout === 'x'.repeat(65_536))
    assert.ok(stderr === 'é'.repeat(32_768))
    const odd = parse({ status: 'success', stdout: `x${'é'.repeat(40_000)}` })
    assert.ok(odd.stdout === `x${'é'.repeat(32_767)}`)
  })

  it('refuses what is no result, and an exit code that cannot be stored', () => {
    for (const value of [{}, [], { status: 'done' }, { status: 'success', exit_code: 2 ** 53 }])
      assert.throws(() => parse(value), { code: 'bad_request', message: /: want | has no "/ })
  })
})
