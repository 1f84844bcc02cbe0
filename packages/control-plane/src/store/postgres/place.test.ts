import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { describeError } from '@plexd/runtime'
import {
  authority,
  noPostgres,
  otherAuthority,
  serverCertificate,
  serverKey,
  startPostgres,
  type TestPostgres,
} from '@plexd/runtime/testing'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'
import { examineServer } from './examine.ts'
import { nameOfPlace } from './place.ts'

describe('the way to PostgreSQL', { skip: noPostgres }, () => {
  let server: TestPostgres
  let folder: Awaited<ReturnType<typeof makeTemporaryFolder>>
  let url: string
  const at = (name: string): string => join(folder.path, name)

  before(async () => {
    server = await startPostgres({
      tls: { certificate: serverCertificate, key: serverKey },
    })
    folder = await makeTemporaryFolder()
    const local = server.createDatabase()
    server.psql(local, "alter role plexd password 'right'")
    url = server.overTls(local)
    for (const [name, text] of Object.entries({ authority, otherAuthority }))
      await writeFile(at(name), text)
    for (const password of ['right', 'wrong'])
      await writeFile(at(password), `${password}\n`, { mode: 0o600 })
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  const trusting = (name: string): string => `${url}?sslmode=verify-full&sslrootcert=${at(name)}`

  it('is by TLS, with the password of a file', async () => {
    const { version } = await examineServer({
      url: trusting('authority'),
      passwordFile: at('right'),
    })
    assert.match(version, /^\d/)
  })

  it('is refused where another authority has signed, and without TLS', async () => {
    for (const other of [trusting('otherAuthority'), `${url}?sslmode=disable`])
      await assert.rejects(examineServer({ url: other, passwordFile: at('right') }))
  })

  it('says which password was wrong, or which file is missing', async () => {
    const url = trusting('authority')
    for (const [name, why] of [
      ['wrong', /lets nobody in: .*password authentication failed for user "plexd"/],
      ['none', /read database password ".*none"/],
    ] as const)
      await assert.rejects(examineServer({ url, passwordFile: at(name) }), (error) =>
        why.test(describeError(error)),
      )
  })

  it('is named without user and password', () => {
    assert.equal(
      nameOfPlace({ url: 'postgres://plexd:secret@db.example.com:6432/plexd?sslmode=verify-full' }),
      'postgres://db.example.com:6432/plexd',
    )
  })
})
