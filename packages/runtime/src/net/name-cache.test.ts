import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { createNameCache } from './name-cache.ts'

const ipv4 = { address: '192.0.2.1', family: 4 }
const ipv6 = { address: '2001:db8::1', family: 6 }

describe('createNameCache', () => {
  it('asks once for all who want to know at the same time', async () => {
    const asked: string[] = []
    const names = createNameCache(async (name) => {
      asked.push(name)
      return [ipv4]
    })
    await Promise.all([names.resolve('a'), names.resolve('a'), names.resolve('b')])
    assert.deepEqual(asked, ['a', 'b'])
    await names.resolve('a')
    assert.deepEqual(asked, ['a', 'b', 'a'])
  })

  it('goes by the answer of before when the name server is silent, or says that there is none', async () => {
    const answers = [async () => [ipv4], () => new Promise<never>(() => {})]
    const silent = createNameCache(() => (answers.shift() ?? assert.fail)())
    await silent.resolve('a')
    assert.deepEqual(await silent.resolve('a'), [ipv4])
    assert.deepEqual(await silent.resolve('a'), [ipv4], 'and nobody asks beside who asks')

    let failure: Error | undefined
    const failing = createNameCache(async () => {
      if (failure) throw failure
      return [ipv4]
    })
    await failing.resolve('a')
    failure = new Error('EAI_AGAIN')
    assert.deepEqual(await failing.resolve('a'), [ipv4])
    await assert.rejects(failing.resolve('b'), failure)
  })

  it('gives one address or all, of the family that is asked for', async () => {
    const { lookup } = createNameCache(async () => [ipv6, ipv4])
    const look = promisify(lookup)
    assert.deepEqual(await look('a', { all: true }), [ipv6, ipv4])
    assert.deepEqual(await look('a', { family: 4, all: true }), [ipv4])
    assert.equal(await look('a', {}), ipv6.address)
    const onlyOne = promisify(createNameCache(async () => [ipv4]).lookup)
    await assert.rejects(onlyOne('a', { family: 6 }), { code: 'ENOTFOUND' })
  })
})
