import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { systemClock } from '@plexd/runtime'
import { createFakeClock, serve, until } from '@plexd/runtime/testing'
import { startMetricsListener } from './listener.ts'

describe('startMetricsListener', () => {
  it('serves metrics and nothing else, as soon as it can have its address', async () => {
    const clock = createFakeClock()
    let problem: string | undefined
    const other = await serve()
    const listen = `127.0.0.1:${other.port}`
    await using _listener = startMetricsListener({
      listen,
      text: async () => 'm 1\n',
      problems: {
        set(_name, text) {
          problem = text
        },
      },
      clock,
    })
    await until('the problem', () => problem)
    assert.match(problem ?? '', /^metrics are not served at ".*" \(observe.listen\): /)
    await other[Symbol.asyncDispose]()
    await until('the address', async () => {
      await clock.advance(60_000)
      return problem === undefined
    })
    const answers = await Promise.all(
      ['metrics', 'metrics?x=1', 'v1/state'].map((path) => fetch(`http://${listen}/${path}`)),
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 404],
    )
    assert.equal(await answers[0]?.text(), 'm 1\n')
  })

  it('does not wait long for those who do not ask, and keep others out', async () => {
    const { port, [Symbol.asyncDispose]: free } = await serve()
    await free()
    let problem: string | undefined = 'it does not listen yet'
    await using _listener = startMetricsListener({
      listen: `127.0.0.1:${port}`,
      text: async () => 'm 1\n',
      problems: {
        set(_name, text) {
          problem = text
        },
      },
      patienceMs: 200,
      clock: systemClock,
    })
    await until('the address', () => problem === undefined)
    const idle = Array.from({ length: 40 }, () => connect(port, '127.0.0.1').on('error', () => {}))
    for (const socket of idle) socket.write('GET /metrics HTTP/1.1\r\nx: ')
    const answer = await until('an answer', () =>
      fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined),
    )
    assert.equal(answer.status, 200)
    for (const socket of idle) socket.destroy()
  })
})
