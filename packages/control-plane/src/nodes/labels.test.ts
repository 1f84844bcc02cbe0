import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Metadata, parseSide } from '@plexd/protocol'
import { resolveLimits } from '@plexd/runtime'
import fc from 'fast-check'
import { limits as table } from '../limits.ts'
import { isFor } from '../mesh/entry-scope.ts'
import { metadataOf, withReported } from '../mesh/labels/labels.ts'
import { sideHas } from '../mesh/rule-side.ts'
import { testLimits } from '../testing/harness.ts'
import { boundMetadata, checkLabels, describeNode, warningsOf } from './labels.ts'

const limits = resolveLimits(table, {})
const tight = testLimits({
  metadata_keys: 3,
  metadata_value_bytes: 4,
  metadata_bytes: 20,
})

const key = fc.oneof(
  fc.constantFrom('env', 'role', 'team', '__proto__', 'constructor', '1', '', 'reported.env'),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const metadata = fc
  .array(fc.tuple(key, fc.string({ unit: 'binary', maxLength: 6 })))
  .map((entries): Metadata => Object.fromEntries(entries))
const bytes = (all: Metadata) =>
  Object.entries(all)
    .flat()
    .reduce((sum, text) => sum + Buffer.byteLength(text), 0)

describe('describeNode', () => {
  it('gives a label to nobody who has not got it from the token, or may choose its key', () => {
    fc.assert(
      fc.property(metadata, metadata, fc.array(key), (claims, labels, nodeMaySet) => {
        const node = describeNode(claims, { labels, nodeMaySet }, limits)

        for (const [name, value] of Object.entries(node.labels)) {
          const isOfToken = Object.hasOwn(labels, name) && labels[name] === value
          assert.ok(isOfToken || (nodeMaySet.includes(name) && claims[name] === value))
          if (Object.hasOwn(labels, name)) assert.ok(isOfToken)
        }
        for (const [name, value] of Object.entries(node.reported)) {
          assert.ok(Object.hasOwn(claims, name))
          assert.equal(value, claims[name])
        }
      }),
    )
  })

  it('keeps each of the two in its bounds, so that what is said takes no room from labels', () => {
    fc.assert(
      fc.property(metadata, metadata, (claims, labels) => {
        const node = describeNode(claims, { labels, nodeMaySet: [] }, tight)

        for (const kept of [node.labels, node.reported]) {
          assert.ok(Object.keys(kept).length <= 3)
          assert.ok(bytes(kept) <= 20)
          assert.ok(!Object.hasOwn(kept, ''))
        }
        const said = Object.keys(claims).length + Object.keys(labels).length
        const kept = Object.keys(node.labels).length + Object.keys(node.reported).length
        assert.equal(kept + node.leftOut.length, said)
      }),
    )
  })

  it('cuts 5,000 keys of 900 kB to what a node may say, and names the bound', () => {
    const claims = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, at) => [`key\u001b${at}`, 'x'.repeat(170)]),
    )
    const { reported, leftOut } = describeNode(claims, { labels: {}, nodeMaySet: [] }, limits)

    assert.ok(bytes(reported) <= limits.metadata_bytes)
    assert.match(leftOut[0]?.why ?? '', /the limit metadata_bytes is 32768/)
  })
})

describe('metadataOf', () => {
  it('is one flat map: every label, and what was reported that no label has', () => {
    fc.assert(
      fc.property(metadata, metadata, (labels, reported) => {
        const flat = metadataOf({ labels, reported })

        assert.deepEqual(
          new Set(Object.keys(flat)),
          new Set(Object.keys({ ...reported, ...labels })),
        )
        for (const name of Object.keys(flat))
          assert.equal(flat[name], Object.hasOwn(labels, name) ? labels[name] : reported[name])
      }),
    )
  })

  it('has the labels first', () => {
    const node = { labels: { b: '1', a: '2' }, reported: { os: 'linux', a: '3' } }
    assert.equal(JSON.stringify(metadataOf(node)), '{"b":"1","a":"2","os":"linux"}')
  })
})

describe('withReported', () => {
  it('never changes a label', () => {
    fc.assert(
      fc.property(metadata, metadata, (labels, reported) => {
        const seen = withReported({ labels, reported }).labels

        for (const [name, value] of Object.entries(labels)) assert.equal(seen[name], value)
        for (const name of Object.keys(seen))
          assert.ok(Object.hasOwn(labels, name) || name.startsWith('reported.'))
      }),
    )
  })
})

describe('what a node says', () => {
  const selector = fc
    .array(
      fc.tuple(
        fc.constantFrom('', '!'),
        fc.constantFrom('env', 'role', 'reported.env', 'reported.reported.env'),
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((parts) => parts.map((part) => part.join('')).join())
  const keys = fc.constantFrom('env', 'role', 'reported.env')
  const claims = fc.dictionary(keys, fc.constantFrom('', 'prod'))

  it('makes no difference to a secret or to a side of a rule', () => {
    fc.assert(
      fc.property(selector, claims, claims, (selector, labels, reported) => {
        const quiet = { id: 'n_a', hostname: 'a', mesh_ip: '10.100.0.1', labels, reported: {} }
        const loud = { ...quiet, reported }
        const side = parseSide(selector)

        assert.equal(isFor(`selector:${selector}`, loud), isFor(`selector:${selector}`, quiet))
        assert.equal(sideHas(side, loud), sideHas(side, quiet))
      }),
    )
  })
})

describe('checkLabels', () => {
  const refusals: [what: string, added: Metadata, message: RegExp][] = [
    ['an empty key', { '': 'x' }, /set label "": a key has one character/],
    ['a key that is too long', { ['k'.repeat(318)]: '' }, /limit metadata_key_bytes is 317/],
    [
      'a value that is too long',
      { a: 'ü'.repeat(513) },
      /"a": .* limit metadata_value_bytes is 1024/,
    ],
    ['what only a node says', { 'reported.os': 'x' }, /set label "reported.os": .* says of itself/],
    [
      'too many',
      Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`k${at}`, ''])),
      /set label "k256": .* limit metadata_keys is 256/,
    ],
  ]
  for (const [what, added, message] of refusals)
    it(`refuses ${what}, and names the bound and the key`, () =>
      assert.throws(() => checkLabels(added, {}, limits), { code: 'bad_request', message }))

  it('counts the old ones, but not those that are replaced', () => {
    const old = { a: '1', b: '2', c: '3' }
    checkLabels({ a: '4', b: '', c: '' }, old, tight)
    assert.throws(() => checkLabels({ d: '' }, old, tight), /"d": there are 3 others/)
    assert.throws(() => checkLabels({ 1: '' }, old, tight), /"1": there are 3 others/)
  })

  it('takes any text, prototype keys too, and says what no selector can ask for', () => {
    const odd = { team: 'Köln', list: 'a,b', ['__proto__']: 'x', constructor: 'y' } as Metadata
    checkLabels(odd, {}, limits)
    assert.deepEqual(boundMetadata(Object.entries(odd), limits).kept, odd)
    assert.deepEqual(
      warningsOf({ ...odd, env: 'prod' }).map((text) => /label "(.*?)"/.exec(text)?.[1]),
      ['team', 'list', '__proto__'],
    )
  })
})
