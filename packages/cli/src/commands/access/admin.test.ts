import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AdminToken, SigningKey } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'

const key: SigningKey = {
  id: 'key_2',
  public_key: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  state: 'current',
  created_at: '2025-01-15T10:29:00Z',
  expires_at: null,
}
const token: AdminToken = {
  id: 'tok_9',
  name: 'dashboard',
  role: 'viewer',
  created_at: '2025-01-15T10:29:00Z',
}

describe('signing-key', () => {
  it('lists the keys', async () => {
    await using bench = await startBench({ 'GET /admin/v1/signing-keys': { items: [key] } })

    const { stdout: table } = await bench.run(['signing-key', 'list'])
    const { stdout: json } = await bench.run(['signing-key', 'list', '--json'])

    assert.match(table, /^key_2 {2}current {2}A+= {2}60s {6}-$/m)
    assert.deepEqual(JSON.parse(json), [key])
  })

  it('rotates with a transition period', async () => {
    await using bench = await startBench({ 'POST /admin/v1/signing-keys/rotate': key })

    await bench.run(['signing-key', 'rotate'])
    const { stdout } = await bench.run(['signing-key', 'rotate', '--transition', '24h'])

    assert.deepEqual(
      bench.server.requests.map(({ body }) => body),
      [{}, { transition_period: '24h' }],
    )
    assert.match(stdout, /^events are signed with key_2 \(A+=\) now\n$/)
  })
})

describe('master-key', () => {
  it('rotates, and says what to do with the new one', async () => {
    const answer = { key_id: '5f0c6c5e1f2a', sealed_again: 12 }
    await using bench = await startBench({ 'POST /admin/v1/master-key/rotate': answer })

    const { stdout: text } = await bench.run(['master-key', 'rotate'])
    const { stdout: json } = await bench.run(['master-key', 'rotate', '--json'])

    assert.match(text, /^12 texts are sealed under master key 5f0c6c5e1f2a now; .*copy master.key/)
    assert.deepEqual(JSON.parse(json), answer)
  })
})

describe('admin-token', () => {
  it('prints a new token alone on stdout', async () => {
    await using bench = await startBench({
      'POST /admin/v1/admin-tokens': { ...token, token: 'plx_admin_new' },
    })

    const { stdout } = await bench.run(['admin-token', 'create', 'dashboard', '--role', 'viewer'])

    assert.equal(stdout, 'plx_admin_new\n')
    assert.deepEqual(bench.server.requests[0]?.body, { name: 'dashboard', role: 'viewer' })
  })

  it('wants a role, and one that there is', async () => {
    await using bench = await startBench()

    await assert.rejects(bench.run(['admin-token', 'create', 'x']), /--role <role>' not specified/)
    await assert.rejects(
      bench.run(['admin-token', 'create', 'x', '--role', 'root']),
      /owner, viewer/,
    )
  })

  it('lists and revokes', async () => {
    await using bench = await startBench({
      'GET /admin/v1/admin-tokens': { items: [token] },
      'DELETE /admin/v1/admin-tokens/tok_9': {},
    })

    const { stdout } = await bench.run(['admin-token', 'list'])
    assert.match(stdout, /^tok_9 {2}dashboard {2}viewer {2}60s$/m)
    const revoked = await bench.run(['admin-token', 'revoke', 'tok_9', '--yes'])
    assert.equal(revoked.stdout, 'revoked "tok_9"\n')
  })
})

describe('whoami and version', () => {
  it('says whose token this is', async () => {
    const me = { name: 'root', role: 'owner', tenant: 'default' }
    await using bench = await startBench({ 'GET /admin/v1/whoami': me })

    assert.equal((await bench.run(['whoami'])).stdout, 'root, owner of tenant default\n')
    assert.deepEqual(JSON.parse((await bench.run(['whoami', '--json'])).stdout), me)
  })

  it('knows its version without a control plane', async () => {
    await using bench = await startBench()

    const { stdout } = await bench.run(['version'], { env: { PLEXCTL_SERVER: '' } })

    assert.match(stdout, /^plexctl \d+\.\d+\.\d+\n$/)
  })
})
