import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { lockHolder, lockInterface } from './interface-lock.ts'

describe('lockInterface', () => {
  it('keeps no connection of whoever comes', async () => {
    const name = `test-${process.pid}-open`
    await using _lock = await lockInterface(name)
    const socket = connect({ path: `\0plexd/${name}` }).resume()
    await once(socket, 'close')
  })

  it('gives an interface to one process, until that lets it go', async () => {
    const name = `test-${process.pid}`
    {
      await using lock = await lockInterface(name)
      assert.notEqual(lock, undefined)
      assert.equal(await lockInterface(name), undefined)
      await using other = await lockInterface(`${name}-other`)
      assert.notEqual(other, undefined)
    }
    await using again = await lockInterface(name)
    assert.notEqual(again, undefined)
  })

  it('tells which process has it', async (t) => {
    if (process.getuid?.() !== 0) return void t.skip('to look at what processes hold needs root')
    const name = `plexd-test-${process.pid}`
    assert.equal(await lockHolder(name), '')
    await using _lock = await lockInterface(name)
    assert.equal(await lockHolder(name), `process ${process.pid}`)
  })
})
