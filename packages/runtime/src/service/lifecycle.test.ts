import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runModule } from '../testing/child.ts'

/** A daemon whose disposal is this text. */
const daemon = (dispose: string) => `
  import { runUntilSignal, silentLog } from ${JSON.stringify(import.meta.resolve('../index.ts'))}
  setInterval(() => {}, 1_000).unref()
  const server = (await import('node:net')).createServer().listen(0, '127.0.0.1')
  await runUntilSignal(async () => {
    console.log('ready')
    return {
      async reload() { console.log('reloaded') },
      async [Symbol.asyncDispose]() { ${dispose} },
    }
  }, { log: silentLog, stopMs: 300 })
  console.log('ended')`

describe('runUntilSignal', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`disposes of the daemon on ${signal} and ends with 0`, async () => {
      const { code, stdout } = await runModule(
        daemon(`server.close(); console.log('disposed')`),
        (child) => child.kill(signal),
      )

      assert.equal(stdout, 'ready\ndisposed\nended\n')
      assert.equal(code, 0)
    })
  }

  it('reads again on SIGHUP, and goes on', async () => {
    const { code, stdout } = await runModule(daemon(`server.close()`), async (child) => {
      child.kill('SIGHUP')
      await child.printed('reloaded')
      child.kill('SIGTERM')
    })

    assert.match(stdout, /^ready\nreloaded\n/)
    assert.equal(code, 0)
  })

  it('ends with 1 when the disposal fails', async () => {
    const { code } = await runModule(daemon(`server.close(); throw new Error('x')`), (child) =>
      child.kill('SIGTERM'),
    )

    assert.equal(code, 1)
  })

  it('ends with 1 when the disposal takes too long', async () => {
    const { code, stdout } = await runModule(daemon('await new Promise(() => {})'), (child) =>
      child.kill('SIGTERM'),
    )

    assert.equal(stdout, 'ready\n')
    assert.equal(code, 1)
  })

  it('ends at once on a second signal', async () => {
    const startMs = performance.now()
    const text = daemon('await new Promise(() => {})').replace('stopMs: 300', 'stopMs: 60_000')
    const { code } = await runModule(text, (child) => {
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGINT'), 100)
    })

    assert.equal(code, 1)
    assert.ok(performance.now() - startMs < 30_000)
  })
})
