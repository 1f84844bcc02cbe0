import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type BootstrapToken, formatJoin } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'
import { aPage } from '../../testing/samples.ts'

const token: BootstrapToken = {
  id: 'tok_1',
  hostname: null,
  metadata: { env: 'prod' },
  node_may_set: ['team'],
  nsk_format: null,
  created_at: '2025-01-15T10:30:00Z',
  expires_at: '2025-01-15T11:30:00Z',
  used_at: null,
  node_id: null,
  node_hostname: null,
}
const join = formatJoin({ url: 'https://cp.example.com', token: 'plx_enroll_abc' })
const created = { ...token, token: 'plx_enroll_abc', join, warnings: [] }

describe('token create', () => {
  it('prints the token alone on stdout, so that a script can take it', async () => {
    await using bench = await startBench({ 'POST /admin/v1/tokens': created })

    const { stdout, stderr } = await bench.run(['token', 'create'])

    assert.equal(stdout, 'plx_enroll_abc\n')
    assert.equal(stderr, 'for one node, until 2025-01-15T11:30:00Z; it is not shown again\n')
    assert.deepEqual(bench.server.requests[0]?.body, {})
  })

  it('sends what the flags say and prints the object of the API', async () => {
    await using bench = await startBench({ 'POST /admin/v1/tokens': created })

    const flags = ['--ttl', '2h', '--hostname', 'web-01', '--nsk-format', 'raw32', '--json']
    const labels = ['--metadata', 'env=prod', '--metadata', 'role=web']
    labels.push('--node-may-set', 'team,rack')
    const { stdout, stderr } = await bench.run(['token', 'create', ...flags, ...labels])

    assert.deepEqual(bench.server.requests[0]?.body, {
      ttl: '2h',
      hostname: 'web-01',
      metadata: { env: 'prod', role: 'web' },
      node_may_set: ['team', 'rack'],
      nsk_format: 'raw32',
    })
    assert.deepEqual(JSON.parse(stdout), created)
    assert.equal(stderr, '')
  })

  it('prints the join string alone, for an address if one is given', async () => {
    const local = formatJoin({ url: 'https://127.0.0.1:8443', token: 'plx_enroll_abc' })
    await using bench = await startBench({ 'POST /admin/v1/tokens': created })

    const { stdout, stderr } = await bench.run(['token', 'create', '--join'])
    assert.equal(stdout, `${join}\n`)
    assert.match(
      stderr,
      /on the node, "plexd setup" asks for it, .*; it leads to https:\/\/cp.example.com/,
    )

    const given = await bench.run(['token', 'create', '--url', 'https://other.example.com'])
    assert.equal(given.stdout, `${join}\n`)
    assert.deepEqual(bench.server.requests[1]?.body, { url: 'https://other.example.com' })

    await using near = await startBench({ 'POST /admin/v1/tokens': { ...created, join: local } })
    assert.match(
      (await near.run(['token', 'create', '--join'])).stderr,
      /it leads to https:\/\/127.0.0.1:8443, which only this machine reaches: give another address with --url/,
    )
  })

  it('refuses a duration and a format that it does not know', async () => {
    await using bench = await startBench()

    await assert.rejects(bench.run(['token', 'create', '--ttl', '1 day']), /parse duration "1 day"/)
    await assert.rejects(bench.run(['token', 'create', '--nsk-format', 'hex']), /raw32, base64/)
    assert.deepEqual(bench.server.lines(), [])
  })
})

describe('token list', () => {
  it('tells open, used and expired tokens apart', async () => {
    const node = { node_id: 'n_web', node_hostname: 'web-01' }
    const used = { ...token, ...node, id: 'tok_2', used_at: token.created_at }
    const expired = { ...token, id: 'tok_3', expires_at: '2025-01-15T10:29:00Z' }
    await using bench = await startBench({
      'GET /admin/v1/tokens?limit=500': aPage([token, used, expired]),
    })

    const { stdout } = await bench.run(['token', 'list'])

    assert.deepEqual(
      stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 4).join(' ')),
      [
        'ID STATE HOSTNAME NODE',
        'tok_1 open - -',
        'tok_2 used - web-01 (n_web)',
        'tok_3 expired - -',
        '',
      ],
    )
  })
})

describe('token revoke', () => {
  it('deletes the token by its id', async () => {
    await using bench = await startBench({ 'DELETE /admin/v1/tokens/tok_1': {} })

    const { stdout } = await bench.run(['token', 'revoke', 'tok_1', '--yes'])

    assert.equal(stdout, 'revoked "tok_1"\n')
  })
})
