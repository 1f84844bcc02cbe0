import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { matches, parseSelector, type Requirement } from './selector.ts'

describe('parseSelector', () => {
  const selectors: [text: string, requirements: Requirement[]][] = [
    ['env=prod', [{ key: 'env', operator: 'in', values: ['prod'] }]],
    ['env == prod', [{ key: 'env', operator: 'in', values: ['prod'] }]],
    ['env!=prod', [{ key: 'env', operator: 'notin', values: ['prod'] }]],
    ['env=', [{ key: 'env', operator: 'in', values: [''] }]],
    ['role in (web, api)', [{ key: 'role', operator: 'in', values: ['web', 'api'] }]],
    ['role notin (web)', [{ key: 'role', operator: 'notin', values: ['web'] }]],
    ['gpu', [{ key: 'gpu', operator: 'exists' }]],
    ['! gpu', [{ key: 'gpu', operator: 'absent' }]],
    ['in', [{ key: 'in', operator: 'exists' }]],
    [
      'example.com/tier=a:b/c@d',
      [{ key: 'example.com/tier', operator: 'in', values: ['a:b/c@d'] }],
    ],
    [
      ' env=prod , role in (web,api),!legacy ',
      [
        { key: 'env', operator: 'in', values: ['prod'] },
        { key: 'role', operator: 'in', values: ['web', 'api'] },
        { key: 'legacy', operator: 'absent' },
      ],
    ],
  ]
  for (const [text, requirements] of selectors) {
    it(`reads "${text}"`, () => assert.deepEqual(parseSelector(text), requirements))
  }

  const mistakes = [
    'a=b,',
    ',a=b',
    'a=b,,c=d',
    ',',
    '=b',
    'a=b=c',
    'a=b c',
    'a in b',
    'a in (b',
    'a in (b))',
    'a in (b c)',
    'a in ((b))',
    'a>b',
    '-a',
    'a-',
    '*',
    'a,*',
    'a in (b) c',
    '!a=b',
    '"a"=b',
    'a\nb',
  ]
  for (const text of mistakes) {
    it(`refuses ${JSON.stringify(text)}, rather than mean more nodes than were meant`, () => {
      assert.throws(() => parseSelector(text), { name: 'RangeError', message: /^parse selector "/ })
    })
  }

  it('refuses the empty text, which would mean every node', () => {
    assert.throws(() => parseSelector(' '), {
      message: 'parse selector "": it is empty; write "*" to mean every node',
    })
  })

  it('takes no time over a long text that is wrong', () => {
    for (const text of [
      'a'.repeat(1_024),
      `a in (${','.repeat(1_000)}`,
      '(,'.repeat(512),
      `${'a.'.repeat(500)}=b c`,
    ]) {
      const startMs = performance.now()
      try {
        parseSelector(text)
      } catch {
        // Right or wrong: the time is what matters.
      }
      assert.ok(performance.now() - startMs < 10_000)
    }
  })
})

describe('matches', () => {
  const labels = { env: 'prod', role: 'web', empty: '' }
  const answers: [selector: string, isMatch: boolean][] = [
    ['env=prod', true],
    ['env=test', false],
    ['env=prod,role=db', false],
    ['env=prod,role in (db,web),empty', true],
    ['zone!=a', true],
    ['zone notin (a)', true],
    ['!zone', true],
    ['zone', false],
    ['empty=', true],
    ['zone=', false],
    ['toString', false],
  ]
  for (const [selector, isMatch] of answers) {
    it(`says ${isMatch} to "${selector}"`, () => {
      assert.equal(matches(parseSelector(selector), labels), isMatch)
    })
  }

  it('agrees with a naive reading of the same requirements, however they are written', () => {
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 4 }), labelSet, (parts, labels) => {
        const selector = parts.map(({ text }) => text).join(',')
        const expected = parts.every(({ holds }) => holds(new Map(Object.entries(labels))))

        assert.equal(matches(parseSelector(selector), labels), expected, selector)
      }),
      { numRuns: 2_000 },
    )
  })
})

// Few names, so that keys and values meet.
const key = fc.constantFrom('env', 'role', 'a.b/c', 'in')
const value = fc.constantFrom('prod', 'web', '', 'a-b_c.d')
const space = fc.constantFrom('', ' ', '  ')
const labelSet = fc.dictionary(key, value)

const written = fc.oneof(
  fc.tuple(key, value, space, fc.constantFrom('=', '==')).map(([key, value, space, sign]) => ({
    text: `${key}${space}${sign}${space}${value}`,
    holds: (labels: Map<string, string>) => labels.get(key) === value,
  })),
  fc.tuple(key, value, space).map(([key, value, space]) => ({
    text: `${key}${space}!=${value}`,
    holds: (labels: Map<string, string>) => labels.get(key) !== value,
  })),
  fc
    .tuple(key, fc.array(value, { minLength: 1 }), space, fc.boolean())
    .map(([key, values, space, not]) => ({
      text: `${key} ${not ? 'notin' : 'in'}${space}(${values.join(`${space},`)})`,
      holds: (labels: Map<string, string>) =>
        values.some((value) => labels.get(key) === value) !== not,
    })),
  fc.tuple(key, fc.boolean(), space).map(([key, not, space]) => ({
    text: not ? `!${space}${key}` : key,
    holds: (labels: Map<string, string>) => labels.has(key) !== not,
  })),
)
