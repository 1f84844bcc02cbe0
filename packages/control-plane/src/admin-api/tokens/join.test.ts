import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { joinUrl } from './join.ts'

const app = { publicUrl: () => 'https://plexd.example.com' }

describe('joinUrl', () => {
  it('is the address that was asked for, or the public one', () => {
    assert.equal(joinUrl(undefined, app), 'https://plexd.example.com')
    assert.equal(joinUrl('https://10.0.0.1:8443/', app), 'https://10.0.0.1:8443')
  })

  it('is no address with more than a host, or that is not encrypted', () => {
    for (const url of ['https://cp.example.com/plexd', 'x', 'http://h'])
      assert.throws(() => joinUrl(url, app), { code: 'bad_request' }, url)
  })
})
