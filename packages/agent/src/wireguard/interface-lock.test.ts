import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { lockInterface } from './interface-lock.ts'

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
})
