import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ExecError, run } from './exec.ts'

describe('run', () => {
  it('gives what the program printed', async () => {
    assert.equal(await run(['cat'], { stdin: 'ten peers\n' }), 'ten peers\n')
  })

  it('says what was run and the first line of its complaint', async () => {
    await assert.rejects(run(['sh', '-c', 'echo no such device >&2; exit 3']), {
      name: 'ExecError',
      message: 'run "sh -c echo no such device >&2; exit 3": no such device',
      exitCode: 3,
      stderr: 'no such device\n',
    })
  })

  it('names a program that is not there', async () => {
    await assert.rejects(run(['plexd-no-such-program']), {
      message: 'run "plexd-no-such-program": the program is not installed',
      exitCode: undefined,
    })
  })

  it('kills a program that takes too long', async () => {
    await assert.rejects(run(['sleep', '60'], { timeoutMs: 50 }), /run "sleep 60": took too long/)
  })

  it('survives a program that does not read its input', async () => {
    const stdin = 'x'.repeat(1_000_000)
    await assert.rejects(run(['false'], { stdin }), (error) => error instanceof ExecError)
  })

  it('adds to the environment', async () => {
    const script = 'test -n "$PATH" && printf %s "$LOG_LEVEL"'
    assert.equal(await run(['sh', '-c', script], { env: { LOG_LEVEL: 'silent' } }), 'silent')
  })
})
