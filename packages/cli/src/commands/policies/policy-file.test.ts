import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parsePolicy } from './policy-file.ts'

describe('parsePolicy', () => {
  it('reads YAML and JSON alike', () => {
    const spec = { name: 'a', rules: [{ from: '*', to: 'env=prod', port: 443, action: 'allow' }] }

    assert.deepEqual(parsePolicy(JSON.stringify(spec), '"p.json"'), spec)
    assert.deepEqual(
      parsePolicy(
        "name: a\nrules: [{from: '*', to: env=prod, port: 443, action: allow}]",
        '"p.yaml"',
      ),
      spec,
    )
  })

  const rule = (fields: string) => `name: a\nrules:\n  - from: '*'\n    to: '*'\n${fields}`
  const problems: [title: string, text: string, message: RegExp][] = [
    ['broken YAML', 'name: a\nrules: [\n', /line 3: Flow sequence in block collection must be/],
    ['broken JSON', '{"name": "a",\n "rules": [}', /line 2: /],
    ['a key twice', 'name: a\nname: b\nrules: []', /line 2: this name is there twice/],
    ['two documents', 'name: a\n---\nname: b\n', /line 2: .*multiple documents/],
    ['no mapping', '- name: a', /line 1: the policy must be a mapping of names to values/],
    ['nothing', '', /line 1: the policy must be a mapping of names to values/],
    ['a missing name', 'rules: []', /line 1: the policy must have name/],
    ['a missing action', rule(''), /line 3: "rules\[0\]" must have action/],
    [
      'a wrong name',
      'name: Web DB\nrules: []',
      /line 1: "name" must be up to 63 lower-case letters/,
    ],
    [
      'a wrong port',
      rule('    action: deny\n    port: 70000'),
      /line 6: rules\[0\]\.port 70000: want 65535 or less/,
    ],
    ['a number for a text', 'name: 7\nrules: []', /line 1: name 7: want a text/],
    [
      'a field too many',
      rule('    action: deny\n    prot: tcp'),
      /line 6: "rules\[0\]\.prot" is no field/,
    ],
    [
      'a wrong word',
      rule('    action: drop'),
      /line 5: "rules\[0\]\.action" must be one of allow,deny/,
    ],
    [
      'a wrong selector',
      'name: a\nrules:\n- from: a=b c\n  to: x\n  action: deny',
      /line 3: "rules\[0\]\.from": parse selector "a=b c"/,
    ],
    [
      'a wrong CIDR',
      "name: a\nrules:\n- from: '*'\n  to: 10.0.0.1/8\n  action: deny",
      /line 4: "rules\[0\]\.to": parse CIDR/,
    ],
    [
      'aliases that explode',
      'a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nname: [*c,*c,*c]',
      /alias/,
    ],
  ]
  for (const [title, text, message] of problems) {
    it(`names the file and the line of ${title}`, () => {
      assert.throws(
        () => parsePolicy(text, '"p.yaml"'),
        (error: Error) => {
          assert.match(error.message + String(error.cause ?? ''), message)
          assert.match(error.message, /^read policy "p\.yaml"/)
          return true
        },
      )
    })
  }

  it('lists all that is wrong in the order of the lines, five at most', () => {
    const text = `rules:\n${"  - {from: '*', to: '*', action: drop}\n".repeat(7)}`

    assert.throws(() => parsePolicy(text, 'standard input'), {
      message:
        /^read policy standard input: line 1: the policy must have .*; line 2: "rules\[0\].*; line 5: [^;]*; and 3 more$/,
    })
  })
})
