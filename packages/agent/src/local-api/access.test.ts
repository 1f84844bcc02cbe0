import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mayReadSecrets, needsSecretAccess } from './access.ts'

describe('mayReadSecrets', () => {
  const access = { ownUid: 900, secretsGid: 50 }
  const process = (uid: number, gid: number, groups: number[] = []) =>
    ({ via: 'unix', credentials: { uid, gid, groups } }) as const

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

it('asks for it where a value is read, not where keys are listed', () => {
  assert.ok(needsSecretAccess('getSecretValue'))
  assert.ok(!needsSecretAccess('listSecrets'))
  assert.ok(!needsSecretAccess('getLocalState'))
})
