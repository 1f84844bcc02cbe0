import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatExposition } from '@plexd/protocol'
import { parseExposition } from './parse-exposition.ts'

describe('parseExposition', () => {
  it('reads samples with labels and times, and passes over comments', () => {
    const text = `# HELP http_requests_total The total.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{path="C:\\\\DIR\\\\ \\"x\\" } y"} 3

up 1
something_weird{problem="division by zero"} +Inf -3982045
nan NaN
not a sample at all
`
    assert.deepEqual(parseExposition(text, 100), {
      samples: [
        { series: 'http_requests_total{code="200",method="post"}', value: 1027 },
        { series: 'http_requests_total{path="C:\\\\DIR\\\\ \\"x\\" } y"}', value: 3 },
        { series: 'up', value: 1 },
      ],
      invalid: 3,
      nameless: 0,
      examples: [],
      twice: 0,
      left: 0,
    })
  })

  it('keeps the others where one has a name that nobody could ask for, or is there twice', () => {
    const text = 'a{x="1",x="2"} 1\na{y="1",x="2"} 2\na{x="2",y="1"} 3\na{__b="1"} 4\na 5\n'
    const { samples, nameless, examples, twice } = parseExposition(text, 10)
    assert.deepEqual(samples, [
      { series: 'a{x="2",y="1"}', value: 2 },
      { series: 'a', value: 5 },
    ])
    assert.deepEqual([nameless, twice], [2, 1])
    assert.match(examples[0] ?? '', /^"a\{x=.*: it has the label "x" twice$/)
  })

  it('takes no more than it is told to, and says what it left', () => {
    const text = Array.from({ length: 10 }, (_, index) => `m${index} ${index}`).join('\n')
    const { samples, left } = parseExposition(text, 4)
    assert.deepEqual([samples.length, left], [4, 6])
  })

  it('does not take long over what is made to take long', () => {
    const started = performance.now()
    parseExposition(`a${'{'.repeat(3_000_000)}`, 10)
    parseExposition(`${`a{${'}'.repeat(4_000)}\n`.repeat(700)}`, 10)
    parseExposition(`a${' '.repeat(4_000)}x y z\n`.repeat(700), 10)
    assert.ok(performance.now() - started < 5_000)
  })

  it('reads what we write', () => {
    const text = formatExposition([
      {
        name: 'm',
        help: 'A \\ and\na line',
        type: 'gauge',
        samples: [{ labels: { a: 'x"y\\z\n' }, value: 0.5 }],
      },
      { name: 'none', help: '', type: 'gauge', samples: [] },
    ])
    assert.equal(text.split('\n').length, 4)
    assert.deepEqual(parseExposition(text, 10).samples, [
      { series: 'm{a="x\\"y\\\\z\\n"}', value: 0.5 },
    ])
  })
})
