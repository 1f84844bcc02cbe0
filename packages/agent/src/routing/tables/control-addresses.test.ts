import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock, until } from '@plexd/runtime/testing'
import { createControlAddresses } from './control-addresses.ts'

describe('createControlAddresses', () => {
  it('knows an address that is written in the URL, and looks nothing up', () => {
    const at = (url: string) =>
      createControlAddresses({
        url,
        names: { resolve: assert.fail },
        clock: createFakeClock(),
      }).current()
    assert.deepEqual(at('https://203.0.113.1:8443'), ['203.0.113.1'])
    assert.deepEqual(at('https://[2001:db8::1]'), [])
  })

  it('does not take the address of a peer from a name server, whatever that says, but from the URL', async () => {
    const at = (url: string) =>
      createControlAddresses({
        url,
        isPeer: (address) => address === '10.100.1.2',
        names: {
          resolve: async () =>
            ['10.100.1.2', '10.100.9.9'].map((address) => ({ address, family: 4 })),
        },
        clock: createFakeClock(),
      })
    const named = at('https://plexd.example:8443')
    await until('the name is known', () => named.current())
    assert.deepEqual(named.current(), ['10.100.9.9'])
    assert.deepEqual(at('https://10.100.1.2').current(), ['10.100.1.2'])
  })

  it('looks a name up in the background, again and again, and tells when it is elsewhere', async () => {
    const clock = createFakeClock()
    let found: string[] | Error = ['10.100.9.9', '10.100.9.8']
    let changes = 0
    const addresses = createControlAddresses({
      url: 'https://plexd.example:8443',
      names: {
        async resolve() {
          if (found instanceof Error) throw found
          const other = { address: '2001:db8::9', family: 6 }
          return [other, ...found.map((address) => ({ address, family: 4 }))]
        },
      },
      clock,
    })
    addresses.onChange(() => changes++)
    assert.equal(addresses.current(), undefined)
    await until('a look-up', () => changes === 1)
    assert.deepEqual(addresses.current(), ['10.100.9.8', '10.100.9.9'])

    found = new Error('no name server answers')
    await clock.advance(60_000)
    assert.deepEqual(addresses.current(), ['10.100.9.8', '10.100.9.9'])

    found = ['10.100.9.7']
    await clock.advance(60_000)
    addresses.current()
    await until('another', () => changes === 2)
    assert.deepEqual(addresses.current(), ['10.100.9.7'])
  })
})
