import assert from 'node:assert/strict'
import { it } from 'node:test'
import { generatePrivateKey, publicKeyOf } from '../../identity/keys.ts'
import { isKeyOf } from './find-interface.ts'

it('takes an interface for ours by its key, and none that has no key yet', () => {
  const [ours, other] = [generatePrivateKey(), generatePrivateKey()]
  assert.equal(isKeyOf(ours, [ours, ''], ''), true)
  assert.equal(isKeyOf(other, [ours, ''], ''), false)
  assert.equal(isKeyOf('', [ours, ''], ''), false)

  assert.equal(isKeyOf(ours, undefined, publicKeyOf(ours)), true)
  assert.equal(isKeyOf(other, undefined, publicKeyOf(ours)), false)
  assert.equal(isKeyOf('', undefined, ''), false)
})
