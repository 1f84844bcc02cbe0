import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SessionSpec } from '@plexd/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { tokenHash } from '../../access/auth.ts'
import { revokeOperator } from '../../rows/fleet/operators.ts'
import { startControlPlane } from '../../testing/harness.ts'
import { addOperator } from '../../testing/operators.ts'
import { checkPermissions, openSession } from './open-session.ts'

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

it('is opened by nobody whose token was revoked after it was looked at', async () => {
  await using plane = await startControlPlane()
  await plane.enrol('web', {
    capabilities: { sessions: { host_key: spec.public_key, max_sessions: 1 } },
  })
  const { token } = await addOperator(plane)
  const operator = plane.app.fleet.operatorByTokenHash(tokenHash(token))
  assert.ok(operator)
  const request = { body: spec, params: {}, query: {}, headers: {} } as FastifyRequest // what it reads
  const answer = () => openSession(plane.app).run(request, {} as FastifyReply, operator)
  const revoking = plane.app.change((unit) => revokeOperator(unit, operator.id))
  await assert.rejects(answer, { status: 401 })
  await revoking
})

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
