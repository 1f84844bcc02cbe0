import assert from 'node:assert/strict'
import { it } from 'node:test'
import { checkRecipient } from './recipient.ts'

it('takes a public key of age, and no other text', () => {
  const key = 'age1hhjq0hmx6m6tznj6dph878pvqqdzxvf29ha9zfy5yy5dah85vuas6mkww5'
  assert.equal(checkRecipient(key), key)
  for (let index = 4; index < key.length; index++) {
    const other = key[index] === 'q' ? 'p' : 'q'
    assert.throws(() => checkRecipient(key.slice(0, index) + other + key.slice(index + 1)), {
      message: /its checksum is wrong: copy it again$/,
    })
  }
  for (const text of ['', 'age1', key.toUpperCase(), `${key}q`, 'ssh-ed25519 AAAA', `${key} `])
    assert.throws(() => checkRecipient(text), { message: /^recipient ".*": want age1…/ })
})
