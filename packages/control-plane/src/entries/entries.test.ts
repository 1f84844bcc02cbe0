import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { affectedNodes } from './notify.ts'
import { readTarget, rowFor, targetView } from './target.ts'

const web = { id: 'n_web', labels: { role: 'web', env: 'prod' } }
const db = { id: 'n_db', labels: { role: 'db', env: 'prod' } }
const nodes = [web, db]
const at = (target: string, version: number) => ({ key: 'k', target, version })

describe('affectedNodes', () => {
  it('finds every node of a selector', () => {
    const target = 'selector:env=prod'
    assert.deepEqual(affectedNodes(nodes, { target, before: [], after: [at(target, 1)] }), nodes)
    assert.deepEqual(affectedNodes(nodes, { target, before: [at(target, 1)], after: [] }), nodes)
  })

  it('passes over a node that has an entry of its own', () => {
    const own = at('node:n_web', 1)
    const target = 'selector:*'
    const after = [own, at(target, 2)]
    assert.deepEqual(affectedNodes(nodes, { target, before: [own], after }), [db])
  })

  it('finds a node whose own entry gives way to that of a selector', () => {
    const rest = [at('selector:role=web', 2)]
    const before = [at('node:n_web', 1), ...rest]
    assert.deepEqual(affectedNodes(nodes, { target: 'node:n_web', before, after: rest }), [web])
  })

  it('passes over nodes for which a later selector wins', () => {
    const later = at('selector:role=web', 5)
    const before = [at('selector:env=prod', 4), later]
    const target = 'selector:env=prod'
    assert.deepEqual(affectedNodes(nodes, { target, before, after: [later] }), [db])
  })
})

describe('readTarget', () => {
  const read = (target: { node_id?: string; selector?: string }) => readTarget(target, () => {})

  it('stores one of the two forms, and gives it back', () => {
    assert.deepEqual(targetView(read({ node_id: 'n_web' })), { node_id: 'n_web' })
    assert.deepEqual(targetView(read({ selector: ' role in (a,b) ' })), {
      selector: 'role in (a,b)',
    })
    assert.deepEqual(targetView(read({ selector: '*' })), { selector: '*' })
  })

  it('stores one spelling of each selector, and finds what is stored in another', () => {
    for (const selector of ['env==prod', 'env = prod', ' env in (prod)'])
      assert.equal(read({ selector }), 'selector:env=prod')
    const rows = [{ target: 'selector:*' }, { target: 'selector:env == prod' }]
    assert.equal(rowFor(rows, 'selector:env=prod'), rows[1])
    assert.equal(rowFor(rows, 'selector:env!=prod'), undefined)
    assert.equal(rowFor(rows, 'node:n_web'), undefined)
  })

  it('refuses none, both and a selector that cannot be read', () => {
    for (const target of [
      {},
      { node_id: 'n_a', selector: 'b' },
      { node_id: 'web-01' },
      { selector: 'a b' },
      { selector: ' ' },
    ])
      assert.throws(() => read(target), { code: 'bad_request', message: /^target: / })
  })
})
