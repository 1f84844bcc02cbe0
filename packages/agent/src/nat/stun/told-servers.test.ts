import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import type { Mark } from '../../disk/mark.ts'
import { createToldServers, stunServersOf } from './told-servers.ts'

function createMemoryMark(): Mark & { writes: number } {
  let value: string | undefined
  const mark = {
    writes: 0,
    read: () => value,
    write(next: string) {
      mark.writes++
      value = next
    },
  }
  return mark
}

describe('the STUN servers that a control plane names', () => {
  it('are there after a restart, and written only when they are others', () => {
    const mark = createMemoryMark()
    const told = createToldServers(mark, silentLog)
    let changes = 0
    told.onChange(() => changes++)
    for (let count = 0; count < 3; count++) told.hear(['cp1.example:3478', '192.0.2.2:3478'])
    assert.deepEqual([changes, mark.writes], [1, 1])
    assert.deepEqual(createToldServers(mark, silentLog).current(), [
      'cp1.example:3478',
      '192.0.2.2:3478',
    ])
  })

  it('are forgotten when it names none any more', () => {
    const mark = createMemoryMark()
    const told = createToldServers(mark, silentLog)
    told.hear(['cp1.example:3478'])
    told.hear(undefined)
    assert.deepEqual([told.current(), createToldServers(mark, silentLog).current()], [[], []])
  })

  it('are left out where they are none, and beyond sixteen', () => {
    const told = createToldServers(createMemoryMark(), silentLog)
    told.hear(['stun+tls://cp1.example', `${'a'.repeat(254)}:3478`, '[2001:db8::1]:3478'])
    assert.deepEqual(told.current(), ['[2001:db8::1]:3478'])
    told.hear(Array.from({ length: 1_000 }, (_, index) => `192.0.2.1:${index + 1}`))
    assert.equal(told.current().length, 16)
  })
})

describe('stunServersOf', () => {
  const apiUrls = ['https://plexd.example.com:8443']
  const told = ['cp1.example:3478']
  for (const [title, given, first] of [
    ['those in the settings alone', { chosen: ['a.example'], told }, ['a.example']],
    ['those that the control plane names', { chosen: undefined, told }, told],
    ['the host of the control plane', { chosen: undefined, told: [] }, ['plexd.example.com']],
  ] as const)
    it(`is ${title}`, () =>
      assert.deepEqual(stunServersOf({ ...given, apiUrls }).slice(0, first.length), first))

  it('has public ones last', () => {
    assert.equal(stunServersOf({ chosen: undefined, told, apiUrls }).length, 3)
    assert.equal(stunServersOf({ chosen: [], told, apiUrls }).length, 0)
    const two = [...apiUrls, 'https://cp2.example.com', ...apiUrls]
    const both = stunServersOf({ chosen: undefined, told: [], apiUrls: two })
    assert.deepEqual(both.slice(0, 2), ['plexd.example.com', 'cp2.example.com'])
    assert.equal(both.length, 4)
  })
})
