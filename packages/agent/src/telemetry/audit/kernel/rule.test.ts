import assert from 'node:assert/strict'
import { it } from 'node:test'
import { encodeWatch, isOwnRule } from './rule.ts'

it('is laid out as the kernel has it, and known again by its key', () => {
  const rule = encodeWatch({ path: '/etc/shadow', isFolder: false })
  assert.equal(rule.length, 1_040 + '/etc/shadowplexd'.length)
  assert.equal(rule.subarray(1_040).toString(), '/etc/shadowplexd')
  assert.equal(isOwnRule(rule), true)

  const other = Buffer.from(rule)
  other.write('other', other.length - 5)
  assert.equal(isOwnRule(other), false)
  assert.equal(isOwnRule(rule.subarray(0, 100)), false)
  assert.equal(isOwnRule(Buffer.alloc(2_000, 0xff)), false)
})
