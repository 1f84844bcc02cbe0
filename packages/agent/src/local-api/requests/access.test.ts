import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mayControl, mayReadSecrets, needs } from './access.ts'

const process = (uid: number, gid: number, groups: number[] = []) =>
  ({ via: 'unix', credentials: { uid, gid, groups } }) as const

describe('mayReadSecrets', () => {
  const access = { ownUid: 900, secretsGid: 50 }

  it('lets in root, the daemon itself, the group, and whoever has the token', () => {
    assert.ok(mayReadSecrets(process(0, 0), access))
    assert.ok(mayReadSecrets(process(900, 900), access))
    assert.ok(mayReadSecrets(process(1000, 50), access))
    assert.ok(mayReadSecrets(process(1000, 1000, [7, 50]), access))
    assert.ok(mayReadSecrets({ via: 'token' }, access))
  })

  it('refuses everybody else, and whoever is not known', () => {
    assert.ok(!mayReadSecrets(process(1000, 1000, [7]), access))
    assert.ok(!mayReadSecrets({ via: 'unix', credentials: undefined }, access))
    assert.ok(!mayReadSecrets(process(1000, 50), { ...access, secretsGid: undefined }))
  })
})

describe('needs', () => {
  it('asks for more where a value of a secret is read, and where the daemon is ended or runs an action', () => {
    assert.equal(needs('getSecretValue'), 'secrets')
    assert.equal(needs('stop'), 'root')
    assert.equal(needs('listActions'), 'root')
    assert.equal(needs('runAction'), 'root')
    assert.equal(needs('listSecrets'), undefined)
  })
})

describe('mayControl', () => {
  it('is for root and the user of the daemon, and for no holder of a token', () => {
    assert.ok(mayControl(process(0, 0), 900))
    assert.ok(mayControl(process(900, 900), 900))
    assert.ok(!mayControl(process(1000, 50), 900))
    assert.ok(!mayControl({ via: 'token' }, 900))
    assert.ok(!mayControl({ via: 'unix', credentials: undefined }, 900))
  })
})
