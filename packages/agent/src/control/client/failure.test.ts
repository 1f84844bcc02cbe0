import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
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

it('names the proxy that it went by, without its user', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const where = { caFile: undefined, proxyUrl: 'http://me:secret@192.0.2.1:3128' }
  assert.equal(
    describeFailure(refused, { apiUrl: 'https://cp', ...where }),
    'connect to control plane "https://cp" by the proxy http://***@192.0.2.1:3128 of the environment: connect ECONNREFUSED',
  )
})

it('shows the beginning of what a control plane says, which may be a megabyte', () => {
  const error = new ApiError('conflict', 'x'.repeat(1_000_000))
  const text = describeFailure(error, { apiUrl: 'https://cp', caFile: undefined })
  assert.match(text, /^control plane "https:\/\/cp" answered 409: x{2048}…$/)
})

it('says of a certificate out of its time what the clock says', () => {
  const where = { apiUrl: 'https://cp', caFile: '/etc/plexd/ca.crt' }
  const describe = (code: string) =>
    describeFailure(Object.assign(new Error('x'), { code }), where, Date.UTC(2039, 0))
  assert.equal(
    describe('CERT_HAS_EXPIRED'),
    'certificate of "https://cp" has expired by the clock of this machine, which says 2039-01-01T00:00:00.000Z: if that is wrong, set it ("timedatectl set-ntp true"); if it is right, the control plane wants a new certificate (CERT_HAS_EXPIRED)',
  )
  assert.match(describe('CERT_NOT_YET_VALID'), /is not valid yet by the clock/)
})

it('blames the way to the control plane for nothing that this machine does not do', async () => {
  const where = { apiUrl: 'https://cp', caFile: undefined }
  const open = await readFile('/no/such/file').catch((error: unknown) => error)
  assert.equal(
    describeFailure(open, where),
    "on this machine: ENOENT: no such file or directory, open '/no/such/file'",
  )
  const readOnly = new Error('save identity', {
    cause: Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' }),
  })
  assert.equal(
    describeFailure(readOnly, where),
    'on this machine: save identity: EROFS: read-only file system',
  )
})
