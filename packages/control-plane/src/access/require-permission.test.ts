import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { requirePermission } from './require-permission.ts'

describe('requirePermission', () => {
  it('lets pass a role that has it', () => {
    requirePermission({ role: 'owner' }, 'sessions.root', 'open a session as root')
  })

  it('tells which permission is lacking, for what, and who has it', () => {
    assert.throws(
      () => requirePermission({ role: 'viewer' }, 'sessions.root', 'open a session as root'),
      {
        status: 403,
        message:
          'role "viewer" may not open a session as root: this needs the permission "sessions.root", which role "owner" has',
      },
    )
  })
})
