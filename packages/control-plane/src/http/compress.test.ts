import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import Fastify from 'fastify'
import { compress } from './compress.ts'

const long = { text: 'x'.repeat(10_000) }

async function ask(path: string, accept?: string) {
  const server = Fastify()
  server.addHook('onSend', compress)
  server.get('/long', async () => long)
  server.get('/short', async () => ({}))
  server.get('/bytes', async () => Buffer.alloc(10_000))
  return server.inject({ url: path, headers: accept ? { 'accept-encoding': accept } : {} })
}

describe('compress', () => {
  for (const accept of ['gzip', 'br, GZIP', 'gzip;q=0.5, br']) {
    it(`packs a long answer for "${accept}"`, async () => {
      const { headers, rawPayload } = await ask('/long', accept)
      assert.equal(headers['content-encoding'], 'gzip')
      assert.equal(headers['content-length'], String(rawPayload.length))
      assert.deepEqual(JSON.parse(gunzipSync(rawPayload).toString()), long)
    })
  }

  for (const accept of [undefined, 'br', 'gzip;q=0', 'gzip;q=0.0, br', 'x-gzip2']) {
    it(`sends it as it is for "${accept}"`, async () => {
      const { headers, body } = await ask('/long', accept)
      assert.equal(headers['content-encoding'], undefined)
      assert.deepEqual(JSON.parse(body), long)
    })
  }

  it('leaves short answers and bytes alone', async () => {
    for (const path of ['/short', '/bytes'])
      assert.equal((await ask(path, 'gzip')).headers['content-encoding'], undefined)
  })
})
