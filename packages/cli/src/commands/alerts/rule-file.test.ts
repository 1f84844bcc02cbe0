import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAlertRule } from './rule-file.ts'

const rule = 'when:\n  metric:\n    name: a.b\n    above: 1\nseverity: warning\n'

describe('an alert rule in a file', () => {
  for (const [title, text, words] of [
    ['a time without a unit', `${rule}for: 5\n`, /line 6: for 5: want a duration such as "5m"$/],
    ['tabs', 'when:\n\tmetric: x\n', /line 2: tabs are not allowed as indentation: use spaces/],
    ['a name that is there twice', `${rule}severity: info\n`, /line 6: this name is there twice/],
    [
      'a bound by another name',
      rule.replace('above', 'over'),
      /line 4: when\.metric has a field "over" that nobody reads, beside "name", "of", "above" or "below": leave it out$/,
    ],
    [
      'a bound that is a text',
      rule.replace('1', '"80%"'),
      /line 4: when\.metric\.above "80%": want/,
    ],
    ['nothing', '', /line 1: want a mapping of names to values/],
    ['a list', '- when', /line 1: want a mapping of names to values/],
  ] as const)
    it(`says what is wrong with ${title}`, () => {
      assert.throws(() => parseAlertRule(text, '"r.yaml"'), words)
      assert.throws(
        () => parseAlertRule(text, '"r.yaml"'),
        /^CliError: read alert rule "r\.yaml": /,
      )
    })
})
