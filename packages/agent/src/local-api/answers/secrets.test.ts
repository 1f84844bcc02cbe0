import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, newNsk, type SealedSecret } from '@plexd/protocol'
import { type Log, silentLog } from '@plexd/runtime'
import { defaultConfig } from '../../config/agent-config.ts'
import { seal } from '../../testing/local-api-place.ts'
import { createSecretReader } from './secrets.ts'

const nsk = newNsk('base64')

describe('a secret', () => {
  it('is opened with a key of either form', async () => {
    for (const key of [nsk, newNsk('raw32')])
      assert.deepEqual(await read(async () => seal('k', 'wert ü', 2, key), key), [
        200,
        '{"key":"k","value":"wert ü","version":2}\n',
      ])
  })

  it('may be empty', async () => {
    assert.deepEqual(await read(async () => seal('k', '', 1, nsk)), [
      200,
      '{"key":"k","value":"","version":1}\n',
    ])
  })

  it('is opened even if the key is rotated while it is fetched', async () => {
    const next = newNsk('base64')
    for (const used of [nsk, next]) {
      let now = nsk
      const reader = createSecretReader({
        ...options,
        nsk: () => now,
        async fetchSecret() {
          now = next
          return seal('k', 'v', 1, used)
        },
      })
      assert.equal((await reader.read('k')).status, 200)
    }
  })

  it('is not requested if its key is invalid', async () => {
    for (const key of ['', 'k'.repeat(513)]) {
      const reader = createSecretReader({
        ...options,
        fetchSecret: () => assert.fail('it was asked for'),
      })
      assert.equal((await reader.read(key)).status, 404)
    }
  })

  it('is sent with headers that forbid storing it', async () => {
    const reader = createSecretReader({
      ...options,
      fetchSecret: async () => seal('k', 'v', 1, nsk),
    })
    assert.equal((await reader.read('k')).headers['Cache-Control'], 'no-store')
  })

  it('is an internal error when it was sealed for another node', async () => {
    await assertInternal(async () => seal('k', 'v', 1, newNsk('base64')))
  })

  it('is an internal error when the control plane answers for another key', async () => {
    await assertInternal(async () => seal('other', 'v', 1, nsk))
  })

  it('is an internal error when it was modified in transit, or is no ciphertext at all', async () => {
    const sealed = seal('k', 'v', 1, nsk)
    const flipped = Buffer.from(sealed.ciphertext, 'base64')
    flipped[0] = (flipped[0] ?? 0) ^ 1
    await assertInternal(async () => ({ ...sealed, ciphertext: flipped.toString('base64') }))
    await assertInternal(async () => ({ ...sealed, ciphertext: '' }))
    await assertInternal(async () => ({ ...sealed, nonce: '' }))
  })

  it('is an internal error when the node has no valid key', async () => {
    assert.equal((await read(async () => seal('k', 'v', 1, nsk), 'short'))[0], 500)
  })

  it('is not found if it does not exist, or is only for other nodes', async () => {
    for (const code of ['not_found', 'forbidden', 'bad_request'] as const)
      assert.deepEqual(await read(async () => fail(code)), [404, '{"error":"not found"}\n'], code)
  })

  it('is unavailable when the control plane does not give it', async () => {
    const unavailable = [503, '{"error":"control plane unavailable"}\n']
    for (const code of ['unauthorized', 'too_many_requests', 'internal'] as const)
      assert.deepEqual(await read(async () => fail(code)), unavailable, code)
    assert.deepEqual(await read(() => Promise.reject(new Error('connect: refused'))), unavailable)
    assert.deepEqual(await read(() => new Promise(() => {})), unavailable)
  })

  it('never shows in a log', async () => {
    const lines: string[] = []
    const note = (message: string, fields = {}): void => {
      lines.push(message + JSON.stringify(fields))
    }
    const log: Log = { debug: note, info: note, warn: note, error: note }
    const sealed = seal('other', 'canary', 1, nsk)
    await createSecretReader({ ...options, log, fetchSecret: async () => sealed }).read('k')
    assert.equal(lines.length, 1)
    for (const hidden of ['canary', nsk, sealed.ciphertext])
      assert.ok(!lines.join().includes(hidden))
  })
})

describe('many readers', () => {
  it('do not share a request that has begun', async () => {
    let version = 0
    const reader = createSecretReader({
      ...options,
      fetchSecret: async (key) => {
        const sealed = seal(key, 'v', ++version, nsk)
        await delay(5)
        return sealed
      },
    })
    const answers = await Promise.all([reader.read('k'), reader.read('k')])
    assert.deepEqual(
      answers.map(({ body }) => JSON.parse(body.toString()).version),
      [1, 2],
    )
  })

  it('keep a bounded number of requests in flight', async () => {
    let running = 0
    let most = 0
    let requests = 0
    const reader = createSecretReader({
      ...options,
      limits: { secret_requests: 3, secret_requests_waiting: 5 },
      fetchSecret: async (key) => {
        requests++
        most = Math.max(most, ++running)
        await delay(5)
        running--
        return seal(key, 'v', 1, nsk)
      },
    })
    const keys = ['a', 'b', 'c', ...Array(10).fill('d'), 'e', 'f', 'g', 'h', 'i', 'j']
    const answers = await Promise.all(keys.map((key) => reader.read(key)))
    assert.equal(most, 3)
    assert.equal(requests, 8)
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200, 503])
    assert.equal((await reader.read('later')).status, 200)
  })
})

const options = { nsk: () => nsk, limits: defaultConfig.limits, log: silentLog, timeoutMs: 100 }

async function read(
  fetchSecret: () => Promise<SealedSecret>,
  key = nsk,
): Promise<[number, string]> {
  const reader = createSecretReader({ ...options, nsk: () => key, fetchSecret })
  const { status, body } = await reader.read('k')
  return [status, body.toString()]
}

async function assertInternal(fetchSecret: () => Promise<SealedSecret>): Promise<void> {
  assert.deepEqual(await read(fetchSecret), [500, '{"error":"internal error"}\n'])
}

function fail(code: ConstructorParameters<typeof ApiError>[0]): never {
  throw new ApiError(code, 'no')
}
