import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ExecError } from '@plexd/runtime'
import { addressesOf } from './way-checks.ts'

describe('the addresses of a name', () => {
  const ends = (end: ConstructorParameters<typeof ExecError>[1]) =>
    addressesOf('localhost', async () => {
      throw new ExecError('run "getent"', end)
    })

  it('are each named once', async () => {
    const told = '192.0.2.1      STREAM cp.example.com\n192.0.2.1      DGRAM\n2001:db8::1 STREAM\n'
    assert.deepEqual(await addressesOf('cp.example.com', async () => told), [
      '192.0.2.1',
      '2001:db8::1',
    ])
  })

  it('are not waited for when the servers of names say nothing, and looked up otherwise only where there is no getent', async () => {
    await assert.rejects(ends({}), ExecError, 'it took too long')
    await assert.rejects(ends({ exitCode: 2 }), /no server of names knows it/)
    assert.ok((await ends({ missing: true })).length > 0)
  })
})
