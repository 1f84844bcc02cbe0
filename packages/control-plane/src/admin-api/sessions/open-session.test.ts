import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SessionSpec } from '@plexd/protocol'
import { checkPermissions } from './open-session.ts'

const spec: SessionSpec = {
  node: 'web',
  login: 'deploy',
  public_key: `ssh-ed25519 ${'A'.repeat(68)}`,
  way: 'relay',
}
const lacking: [Partial<SessionSpec>, string][] = [
  [{ login: 'root' }, 'sessions.root'],
  [{ forward: ['127.0.0.1:5432'] }, 'sessions.forward'],
  [{ record: false }, 'sessions.unrecorded'],
]

describe('what a session is opened with', () => {
  it('needs no further permission for a shell of a user that is recorded', () => {
    checkPermissions({ role: 'viewer' }, spec)
  })

  for (const [asked, permission] of lacking)
    it(`needs ${permission} with ${JSON.stringify(asked)}`, () => {
      checkPermissions({ role: 'owner' }, { ...spec, ...asked })
      assert.throws(() => checkPermissions({ role: 'viewer' }, { ...spec, ...asked }), {
        status: 403,
        message: new RegExp(`needs the permission "${permission}"`),
      })
    })
})
