import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { controlApi } from '@plexd/protocol'
import { resolveLimits } from '@plexd/runtime'
import { limits } from '../../limits.ts'
import { createBodies, type Exchange } from './bodies.ts'

const packed = gzipSync(JSON.stringify('x'.repeat(1024 * 1024)))

/** A request that is all there, with the response that its caller may stop waiting for. */
function exchange(): { exchange: Exchange; response: PassThrough } {
  const headers = { 'content-encoding': 'gzip', authorization: 'Bearer t' }
  const raw = Object.assign(Readable.from([packed]), { headers, complete: true })
  const response = new PassThrough()
  const request = { raw: raw as unknown as IncomingMessage, headers }
  const reply = { raw: response as unknown as ServerResponse }
  return { exchange: { request, reply } as unknown as Exchange, response }
}

describe('the room that bodies take', () => {
  const bodies = () =>
    createBodies(resolveLimits(limits, { caller_body_bytes_in_flight: 1_500_000 }))

  it('is given back when the caller leaves while its body is unpacked', async () => {
    const { read } = bodies()
    for (let count = 0; count < 3; count++) {
      const { exchange: given, response } = exchange()
      const body = read(given, controlApi.finishExecution)
      response.destroy()
      await assert.rejects(body, { message: 'the request body was cut off' })
    }
    const { exchange: kept } = exchange()
    const body = await read(kept, controlApi.finishExecution)
    assert.equal(body.length, 1024 * 1024 + 2)
  })

  it('is not taken for a caller who has left before', async () => {
    const { read } = bodies()
    for (let count = 0; count < 3; count++) {
      const { exchange: given, response } = exchange()
      response.destroy()
      await new Promise((resolve) => response.once('close', resolve))
      await assert.rejects(read(given, controlApi.finishExecution), {
        message: 'the request body was cut off',
      })
    }
    await read(exchange().exchange, controlApi.finishExecution)
  })
})
