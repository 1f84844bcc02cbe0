import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aNode } from '../../testing/node-record.ts'
import { targetWarnings } from './target-warnings.ts'

const nodes = [aNode(1, { labels: { role: 'web' }, reported: { os: 'linux' } })]

describe('targetWarnings', () => {
  it('has nothing to say of a node, of all nodes, and of a selector that matches one', () => {
    for (const target of [{ node_id: 'n_1' }, { selector: '*' }, { selector: 'role in (web,db)' }])
      assert.deepEqual(targetWarnings(target, nodes, 'secret'), [])
    assert.deepEqual(targetWarnings({ selector: 'reported.os=linux' }, nodes, 'data'), [])
  })

  it('says that a selector matches nobody, and what may have been meant', () => {
    assert.deepEqual(targetWarnings({ selector: 'role=wbe' }, nodes, 'secret'), [
      'selector "role=wbe": it matches no node: no node has "role=wbe": did you mean "web"?',
    ])
    assert.deepEqual(targetWarnings({ selector: 'rol' }, nodes, 'data'), [
      'selector "rol": it matches no node: no node has the label "rol": did you mean "role"?',
    ])
    assert.deepEqual(targetWarnings({ selector: 'reported.os=linux' }, nodes, 'secret'), [
      'selector "reported.os=linux": it matches no node: no node has the label "reported.os"',
    ])
  })
})
