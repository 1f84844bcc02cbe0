import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addParameter } from '../given/parameter.ts'
import { formatActions } from './actions.ts'

describe('formatActions', () => {
  it('has a line for each, with the parameters that may be left out in brackets', () => {
    const text = formatActions([
      {
        type: 'builtin',
        name: 'diagnostics.ping_peer',
        description: 'Ask a peer',
        timeout: '1m0s',
        parameters: [
          { name: 'peer_id', type: 'string', required: true },
          { name: 'count', type: 'int', required: true, default: 4 },
        ],
      },
      { type: 'hook', name: 'hooks/backup', description: '', timeout: '30s', parameters: [] },
    ])
    assert.match(text, /^diagnostics\.ping_peer +builtin +peer_id \[count\] +1m0s +Ask a peer$/m)
    assert.match(text, /^hooks\/backup +hook +- +30s/m)
    assert.equal(formatActions([]), 'no actions\n')
  })
})

describe('addParameter', () => {
  it('adds one to those before it; the value may have anything in it', () => {
    const first = addParameter('a=1')
    assert.deepEqual(addParameter('b=x=y $(z)', first), { a: '1', b: 'x=y $(z)' })
    assert.deepEqual(addParameter('empty='), { empty: '' })
  })

  it('refuses what is no pair, and a key given twice', () => {
    for (const bad of ['', 'a', '=b'])
      assert.throws(() => addParameter(bad), /--param ".*": want KEY=VALUE/)
    assert.throws(() => addParameter('a=2', { a: '1' }), /"a" is given twice/)
  })
})
