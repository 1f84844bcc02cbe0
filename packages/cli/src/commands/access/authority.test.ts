import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AuthorityStatus } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'

const expires_at = '2036-01-15T10:29:00Z'
const status: AuthorityStatus = {
  stage: 'prepared',
  authorities: [
    { fingerprint: 'sha256:aa', state: 'current', expires_at, certificate: 'OLD\n' },
    { fingerprint: 'sha256:bb', state: 'next', expires_at, certificate: 'NEW\n' },
  ],
  nodes: 3,
  behind: [{ node_id: 'n_web', hostname: 'web', reason: 'it is offline' }],
  behind_count: 1,
  joins: [{ token_id: 'tok_1', hostname: null, expires_at }],
  next_step: 'plexctl authority activate',
}

describe('authority', () => {
  it('shows how far its replacement is, and who does not trust the newest', async () => {
    await using bench = await startBench({ 'GET /admin/v1/authorities': status })

    const { stdout: text } = await bench.run(['authority', 'status'])
    const { stdout: json } = await bench.run(['authority', 'status', '--json'])

    assert.match(text, /^stage: +prepared\ncurrent: +sha256:aa, until 2036-01-15\nnext: +sha256:bb/)
    assert.match(text, /\ntrusted by: +2 of 3 nodes\nnot by: +web n_web \(it is offline\)\n/)
    assert.match(text, /\nmay be named by: +tok_1 \(until 2036/)
    assert.match(text, /\nnext step: +plexctl authority activate\n$/)
    assert.deepEqual(JSON.parse(json), status)
  })

  it('says in front why it has no effect, and shows none that nobody trusts', async () => {
    const no_effect = 'its certificate is one of the settings (tls_cert)'
    const ahead = [{ node_id: 'n_db', hostname: 'db', reason: 'it heeds announcement 9' }]
    const body = { ...status, next_step: '', no_effect, ahead, ahead_count: 1 }
    await using bench = await startBench({ 'GET /admin/v1/authorities': body })
    const { stdout } = await bench.run(['authority', 'status'])
    assert.match(stdout, /^no effect: +its certificate is one of the settings \(tls_cert\)\nstage:/)
    assert.match(stdout, /\nnot heeded by: +db n_db \(it heeds announcement 9\)\n/)
    assert.doesNotMatch(stdout, /trusted by|next step/)
    const why = /^show authorities: nodes are told to trust none: its certificate is one of/
    await assert.rejects(bench.run(['authority', 'show']), { exitCode: 1, message: why })
  })

  it('says of how many more nodes it does not show the name', async () => {
    const elsewhere = { behind_count: 7, joins_count: 0 }
    const body = { ...status, behind_count: 2_000, elsewhere }
    await using bench = await startBench({ 'GET /admin/v1/authorities': body })
    const { stdout } = await bench.run(['authority', 'status'])
    assert.match(stdout, /\nnot by: +web n_web \(it is offline\); and 1999 more\n/)
    assert.match(stdout, /\nof other tenants: +7 nodes do not trust the newest, 0 tokens/)
  })

  it('asks before it leaves nodes behind', async () => {
    await using bench = await startBench({})
    await assert.rejects(bench.run(['authority', 'activate', '--force']), { exitCode: 2 })
  })

  it('prints the certificates of all, for a file', async () => {
    await using bench = await startBench({ 'GET /admin/v1/authorities': status })
    assert.equal((await bench.run(['authority', 'show'])).stdout, 'OLD\nNEW\n')
  })

  it('goes from step to step, by force where it is meant, and shows who is left behind', async () => {
    const warnings = ['"web" is left behind: it is offline']
    await using bench = await startBench({
      'POST /admin/v1/authorities/prepare': { ...status, warnings: [] },
      'POST /admin/v1/authorities/activate?force=true': { ...status, warnings },
    })
    const prepared = await bench.run(['authority', 'prepare'])
    assert.match(prepared.stdout, /3 nodes are told/)
    const { stdout, stderr } = await bench.run(['authority', 'activate', '--force', '--yes'])
    assert.match(stdout, /is of the next authority now/)
    assert.equal(stderr, 'warning: "web" is left behind: it is offline\n')
  })
})
