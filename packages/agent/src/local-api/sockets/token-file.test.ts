import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { startPlace } from '../../testing/local-api-place.ts'
import { openTokenFile } from './token-file.ts'

describe('openTokenFile', () => {
  it('says which file is missing or empty', async () => {
    await using place = await aFolder()
    assert.throws(place.open, { message: `read token file "${place.path}"` })
    await writeFile(place.path, ' \n', { mode: 0o600 })
    assert.throws(place.open, { message: `read token file "${place.path}": it is empty` })
  })

  it('admits the new token, and not the old one, a second after the file changed', async () => {
    await using place = await aFolder()
    await writeFile(place.path, 'old\n', { mode: 0o600 })
    const token = place.open()
    assert.equal(token.admits('Bearer old'), true)
    await writeFile(place.path, 'new-token\n', { mode: 0o600 })
    await place.clock.advance(1_000)
    assert.equal(token.admits('Bearer old'), false)
    assert.equal(token.admits('Bearer new-token'), true)
  })

  it('refuses a file that others may read, until they may not', async () => {
    await using place = await aFolder()
    await writeFile(place.path, 'old\n', { mode: 0o644 })
    assert.throws(place.open, /may read it \(mode 0644\): chmod 600 /)
    await chmod(place.path, 0o640)
    const token = place.open()
    await chmod(place.path, 0o644)
    await place.clock.advance(1_000)
    assert.equal(token.admits('Bearer old'), false)
    await chmod(place.path, 0o600)
    await place.clock.advance(1_000)
    assert.equal(token.admits('Bearer old'), true)
  })

  it('admits nobody while the file is gone or empty', async () => {
    await using place = await aFolder()
    await writeFile(place.path, 'old\n', { mode: 0o600 })
    const token = place.open()
    await rm(place.path)
    await place.clock.advance(1_000)
    assert.equal(token.admits('Bearer old'), false)
    await writeFile(place.path, '', { mode: 0o600 })
    await place.clock.advance(1_000)
    assert.equal(token.admits('Bearer '), false)
    await writeFile(place.path, 'old\n', { mode: 0o600 })
    await place.clock.advance(1_000)
    assert.equal(token.admits('Bearer old'), true)
  })
})

describe('the TCP listener without a token', () => {
  it('is off, says so, and leaves the socket alone', async () => {
    const http = { listen: '127.0.0.1:0', tokenFile: '/nonexistent/api-token' }
    await using place = await startPlace({}, { http })
    assert.equal(place.api.httpAddress, undefined)
    assert.match(
      place.problems.list().join(),
      /"127\.0\.0\.1:0": read token file "\/nonexistent\/api-token"/,
    )
    assert.equal((await place.unix('GET', '/v1/state')).status, 200)
  })

  it('is off when no file was named, or the address is none', async () => {
    await using unnamed = await startPlace(
      {},
      { http: { listen: '127.0.0.1:0', tokenFile: undefined } },
    )
    assert.match(unnamed.problems.list().join(), /token_file/)
    await using folder = await aFolder()
    await writeFile(folder.path, 'token', { mode: 0o600 })
    await using wrong = await startPlace(
      {},
      { http: { listen: 'nowhere', tokenFile: folder.path } },
    )
    assert.match(wrong.problems.list().join(), /listen on "nowhere": want HOST:PORT/)
  })
})

async function aFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-token-'))
  const path = join(folder, 'api-token')
  const clock = createFakeClock()
  return {
    path,
    clock,
    open: () => openTokenFile(path, clock, silentLog),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}
