import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { countVersions, type RunningNode } from './count-versions.ts'

const node = (fields: Partial<RunningNode> = {}): RunningNode => ({
  version: '1.5.0',
  is_go: false,
  state: 'verified',
  status: 'online',
  upgrade: null,
  ...fields,
})

const own = '1.6.0'
const none = { uploaded: [], own }

describe('countVersions', () => {
  it('counts nodes by version, newest first, and says which are behind', () => {
    const { newest, items } = countVersions(
      [node(), node({ version: '1.10.0' }), node({ status: 'offline' }), node({ version: '' })],
      { uploaded: ['1.9.0', '1.10.0'], own },
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
      { uploaded: [], own },
    )
    const [count] = items
    assert.partialDeepStrictEqual(count, { verified: 2, mismatch: 1, unknown: 2 })
    assert.partialDeepStrictEqual(count, { on_trial: 1, rolled_back: 1, behind: false })
  })

  it('takes what nodes run for the newest if nothing was uploaded, and nothing if they do not say', () => {
    assert.equal(
      countVersions([node(), node({ version: '1.6.0-rc.1' })], none).newest,
      '1.6.0-rc.1',
    )
    assert.equal(countVersions([node({ version: 'dev' })], none).newest, '')
    assert.deepEqual(countVersions([], none), { newest: '', items: [] })
  })

  it('says which versions this control plane does not serve, but nothing of those of the Go agent', () => {
    const { items } = countVersions(
      [
        node({ version: '1.4.0' }),
        node(),
        node({ version: '1.8.0' }),
        node({ version: '9.0.0', is_go: true }),
      ],
      none,
    )
    assert.deepEqual(
      items.map(({ version, version_trouble = '' }) => [version, version_trouble]),
      [
        ['9.0.0', ''],
        [
          '1.8.0',
          'plexd 1.8.0 is too new for a control plane 1.6.0, which serves 1.5 to 1.7: upgrade the control plane',
        ],
        ['1.5.0', ''],
        [
          '1.4.0',
          'plexd 1.4.0 is too old for a control plane 1.6.0, which serves 1.5 to 1.7: upgrade the node',
        ],
      ],
    )
  })
})
