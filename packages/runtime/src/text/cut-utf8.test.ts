import assert from 'node:assert/strict'
import { it } from 'node:test'
import { cutUtf8 } from './cut-utf8.ts'

it('cuts a text at a number of bytes, and no character in two', () => {
  assert.equal(cutUtf8('aé€😀', 10), 'aé€😀')
  assert.deepEqual(
    [9, 6, 5, 3, 2, 1, 0].map((bytes) => cutUtf8('aé€😀', bytes)),
    ['aé€', 'aé€', 'aé', 'aé', 'a', 'a', ''],
  )
})
