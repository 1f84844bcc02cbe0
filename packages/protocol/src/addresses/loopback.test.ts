import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isLoopback } from './loopback.ts'

describe('isLoopback', () => {
  it('knows this machine by its names and addresses, and nobody else', () => {
    for (const host of ['localhost', '127.0.0.1', '127.8.9.10', '::1', '[::1]'])
      assert.ok(isLoopback(host), host)
    for (const host of [
      '',
      '0.0.0.0',
      '::',
      '128.0.0.1',
      '127.example.com',
      'localhost.example.com',
    ])
      assert.ok(!isLoopback(host), host)
  })
})
