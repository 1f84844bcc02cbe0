import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { describeFailure } from './failure.ts'

it('asks whether a control plane that hangs up on plain HTTP speaks HTTPS', () => {
  const cut = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
  const describe = (apiUrl: string) => describeFailure(cut, { apiUrl, caFile: undefined })
  assert.equal(
    describe('http://127.0.0.1:8443'),
    'connect to control plane "http://127.0.0.1:8443": socket hang up: does it speak https:// there?',
  )
  assert.equal(
    describe('https://127.0.0.1:8443'),
    'connect to control plane "https://127.0.0.1:8443": socket hang up',
  )
})

it('shows the beginning of what a control plane says, which may be a megabyte', () => {
  const error = new ApiError('conflict', 'x'.repeat(1_000_000))
  const text = describeFailure(error, { apiUrl: 'https://cp', caFile: undefined })
  assert.match(text, /^control plane "https:\/\/cp" answered 409: x{2048}…$/)
})
