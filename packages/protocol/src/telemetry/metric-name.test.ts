import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  formatFieldName,
  formatMetricSelector,
  isGroupName,
  matchesLabels,
  readFieldName,
  readMetricSelector,
} from './metric-name.ts'

const canonical = (text: string): string => {
  const read = readFieldName(text)
  return 'fault' in read ? `fault: ${read.fault}` : formatFieldName(read)
}

describe('the name of a value', () => {
  for (const [text, expected] of [
    ['up', 'up'],
    ['up{}', 'up'],
    ['a:b_c9{ b = "2" , a="1",}', 'a:b_c9{a="1",b="2"}'],
    ['x{path="C:\\\\a \\"q\\" }\\n"}', 'x{path="C:\\\\a \\"q\\" }\\n"}'],
    ['x{a=""}', 'x'],
    ['', 'fault: it does not begin with a name'],
    ['9x', 'fault: it does not begin with a name'],
    ['a.b', 'fault: it does not begin with a name'],
    ['bad name', 'fault: it does not begin with a name'],
    ['x{a=1}', 'fault: its labels cannot be read from "a=1}" on'],
    ['x{a="1"', 'fault: its labels cannot be read from "a=\\"1\\"" on'],
    ['x{a="1"}y', 'fault: its labels cannot be read from "a=\\"1\\"}y" on'],
    ['x{a="1",a="2"}', 'fault: it has the label "a" twice'],
    ['x{__name__="y"}', 'fault: the label "__name__" is reserved'],
    [`x{a="${'v'.repeat(1_020)}"}`, 'fault: it has more than 1024 characters'],
  ] as const)
    it(`${JSON.stringify(text.slice(0, 40))} is ${expected}`, () => {
      // What is wrong behind a label is said from that on.
      const shown = canonical(text)
      if (expected.includes('cannot be read')) assert.match(shown, /^fault: its labels cannot be/)
      else assert.equal(shown, expected)
    })

  it('is the same text however it was written, and chosen by a selector of the same labels', () => {
    const label = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/), fc.string({ minLength: 1 }))
    const labels = fc.uniqueArray(label, { maxLength: 5, selector: ([name]) => name })
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z_:][\w:]{0,20}$/), labels, (name, given) => {
        const text = formatFieldName({ name, labels: given })
        const read = readFieldName(text)
        if ('fault' in read) throw new Error(read.fault)
        assert.deepEqual(new Map(read.labels), new Map(given))
        assert.equal(canonical(formatFieldName(read)), formatFieldName(read))
        const selector = readMetricSelector(`a.b.${text}`)
        if ('fault' in selector) throw new Error(selector.fault)
        assert.deepEqual([selector.group, selector.name], ['a.b', name])
        assert.ok(matchesLabels(selector.matchers, read.labels))
        assert.deepEqual(readMetricSelector(formatMetricSelector(selector)), selector)
      }),
    )
  })
})

describe('a selector of metrics', () => {
  const read = (text: string) => {
    const selector = readMetricSelector(text)
    return 'fault' in selector ? selector.fault : formatMetricSelector(selector)
  }

  it('names a group that may have dots, and labels with or without quotes', () => {
    assert.equal(
      read('scrape.[::1]:9100/a.b.http_requests{code=500, method!="get"}'),
      'scrape.[::1]:9100/a.b.http_requests{code="500",method!="get"}',
    )
    assert.equal(read('up'), 'up')
    assert.match(read('shop.x{code=~"5.."}'), /cannot be read from "code=~/)
    assert.match(read('shop. x'), /" x" is no name/)
    assert.match(read('a b.x'), /"a b" is no group/)
    assert.match(read('.x'), /"" is no group/)
  })

  it('takes what a series lacks for empty', () => {
    const selector = readMetricSelector('shop.x{a!=b}')
    if ('fault' in selector) throw new Error(selector.fault)
    const { matchers } = selector
    assert.ok(matchesLabels(matchers, []))
    assert.ok(!matchesLabels(matchers, [['a', 'b']]))
  })
})

it('a group is what can be told from a name', () => {
  for (const group of ['shop', 'scrape.127.0.0.1:9100', 'scrape.[::1]:9100/a/metrics%20'])
    assert.ok(isGroupName(group), group)
  for (const group of ['', 'a b', 'a{b', 'a"', 'ä', '\\', 'x'.repeat(257)])
    assert.ok(!isGroupName(group), group)
})
