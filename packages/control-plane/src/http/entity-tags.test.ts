import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { entityTags } from './entity-tags.ts'

describe('entityTags', () => {
  for (const [header, tags] of [
    [undefined, []],
    ['"a"', ['a']],
    ['W/"a"', ['a']],
    ['"a", W/"b" ,"c"', ['a', 'b', 'c']],
    ['"a,b"', ['a,b']],
    ['""', ['']],
    ['*', []],
    ['a', []],
  ] as const)
    it(`reads ${header}`, () => assert.deepEqual(entityTags(header), tags))
})
