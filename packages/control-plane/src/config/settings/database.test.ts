import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolveConfig } from '../config.ts'
import { effectiveSettings } from '../effective.ts'

const configOf = (file: Record<string, unknown>) => resolveConfig({ flags: {}, env: {}, file })
const urlOf = (database_url: string) => configOf({ database_url }).databaseUrl

describe('database_url', () => {
  it('is by TLS with a certificate that is checked, where packets leave the machine', () => {
    assert.equal(
      urlOf('postgres://plexd@db.example.com/plexd'),
      'postgres://plexd@db.example.com/plexd?sslmode=verify-full',
    )
    for (const here of ['127.0.0.1', 'localhost', '[::1]'])
      assert.equal(urlOf(`postgres://${here}/plexd`), `postgres://${here}/plexd?sslmode=disable`)
    assert.match(urlOf('postgres://localhost/plexd?host=/run/postgresql') ?? '', /sslmode=disable$/)
    assert.match(urlOf('postgres://localhost/plexd?host=db.example.com') ?? '', /verify-full$/)
  })

  it('is refused where another could answer for the server, and where it is none', () => {
    for (const [url, why] of [
      ['postgres://db/plexd?sslmode=require', /sslmode "require" lets somebody else answer/],
      ['postgres://db/plexd?sslmode=prefer', /want verify-full/],
      ['postgres://db/plexd?password=x', /name a file of it with database_password_file/],
      ['postgres://db/plexd?options=-c%20lock_timeout%3D0', /its parameter "options": want one of/],
      ['postgres://db/plexd?sslmode=verify-full&sslmode=disable', /each once/],
      ['postgres://db/plexd?host=', /with a value/],
      ['mysql://db/plexd', /want a URL, as in postgres:/],
      ['postgres://db', /want a URL, as in postgres:/],
      ['db.example.com', /want a URL, as in postgres:/],
    ] as const)
      assert.throws(() => urlOf(url), why)
    for (const url of [
      'postgres://plexd:geheim@db/plexd?sslmode=require',
      'postgres://db/plexd?password=geheim',
      'postgres://plexd:ge/heim@db/plexd',
      'plexd:geheim@db',
      'postgres://plexd:x@geheim@db',
    ])
      assert.throws(
        () => urlOf(url),
        ({ message }: Error) => !/geheim|heim@/.test(message),
      )
  })

  it('shows no password', () => {
    const config = configOf({ database_url: 'postgres://plexd:geheim@db/plexd' })
    assert.doesNotMatch(JSON.stringify(effectiveSettings(config, [])), /geheim/)
  })

  it('goes with no backup of the data folder, and a password goes with it', () => {
    const backups = { backup_folder: '/var/backups/plexd', backup_unencrypted: true }
    assert.throws(
      () => configOf({ database_url: 'postgres://db/plexd', ...backups }),
      /back it up with pg_dump, and leave this out/,
    )
    assert.throws(
      () => configOf({ database_password_file: '/etc/plexd/password' }),
      /for which database\? Name it with database_url/,
    )
  })
})

describe('advertise', () => {
  const advertised = (advertise: string) => configOf({ advertise }).advertise

  it('is a name or an address, with a port', () => {
    for (const text of ['10.0.0.5:8443', 'cp-1.example.com:65535', '[2001:db8::1]:8443'])
      assert.equal(advertised(text), text)
  })

  it('is refused where nobody could connect to it', () => {
    for (const text of [
      '10.0.0.5',
      '10.0.0.5:0',
      '10.0.0.5:99999',
      '[::::]:1',
      '2001:db8::1:1',
      ':1',
    ])
      assert.throws(() => advertised(text), /advertise ".*": want HOST:PORT/, text)
  })
})
