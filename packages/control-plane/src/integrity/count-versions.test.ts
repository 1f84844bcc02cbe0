import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { countVersions, type RunningNode } from './count-versions.ts'

const node = (fields: Partial<RunningNode> = {}): RunningNode => ({
  version: '1.5.0',
  state: 'verified',
  status: 'online',
  upgrade: null,
  ...fields,
})

describe('countVersions', () => {
  it('counts nodes by version, newest first, and says which are behind', () => {
    const { newest, items } = countVersions(
      [node(), node({ version: '1.10.0' }), node({ status: 'offline' }), node({ version: '' })],
      ['1.9.0', '1.10.0'],
    )
    assert.equal(newest, '1.10.0')
    assert.deepEqual(
      items.map(({ version, nodes, online, behind }) => [version, nodes, online, behind]),
      [
        ['1.10.0', 1, 1, false],
        ['1.5.0', 2, 1, true],
        ['', 1, 1, false],
      ],
    )
  })

  it('counts what the binaries are, and how upgrades went', () => {
    const { items } = countVersions(
      [
        node(),
        node({ state: 'mismatch' }),
        node({ state: null }),
        node({ state: 'unknown', upgrade: 'rolled_back' }),
        node({ upgrade: 'on_trial' }),
      ],
      [],
    )
    const [count] = items
    assert.partialDeepStrictEqual(count, { verified: 2, mismatch: 1, unknown: 2 })
    assert.partialDeepStrictEqual(count, { on_trial: 1, rolled_back: 1, behind: false })
  })

  it('takes what nodes run for the newest if nothing was uploaded, and nothing if they do not say', () => {
    assert.equal(countVersions([node(), node({ version: '1.6.0-rc.1' })], []).newest, '1.6.0-rc.1')
    assert.equal(countVersions([node({ version: 'dev' })], []).newest, '')
    assert.deepEqual(countVersions([], []), { newest: '', items: [] })
  })
})
