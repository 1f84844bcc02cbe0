import assert from 'node:assert/strict'
import { it } from 'node:test'
import { percentDecoded } from './percent.ts'

for (const [text, wanted] of [
  ['secret', 'secret'],
  ['p%40ss%2Fw%C3%B6rd', 'p@ss/wörd'],
  ['50%', '50%'],
  ['50%off%4', '50%off%4'],
  ['%%41', '%A'],
] as const)
  it(`reads ${text} as ${wanted}`, () => {
    assert.equal(percentDecoded(text).toString(), wanted)
  })

it('gives bytes, whether they are text or not', () => {
  assert.deepEqual([...percentDecoded('%ff%00')], [255, 0])
})
