import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Secret } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'
import { aPage } from '../../testing/samples.ts'

const secret: Secret = {
  key: 'db/password',
  target: { selector: '*' },
  version: 2,
  updated_at: '2025-01-15T10:29:30Z',
}
const replies = { 'PUT /admin/v1/secrets/db%2Fpassword': { ...secret, warnings: [] } }

describe('secret put', () => {
  it('sends every byte, a newline at the end and a byte order mark included', async () => {
    await using bench = await startBench(replies)
    const value = '\ufeffs3cret-pässw0rd\r\n\n'
    const file = await bench.file('password', value)

    const argv = ['secret', 'put', 'db/password', '--selector', '*', '--file', file]
    const { stdout } = await bench.run(argv)

    assert.deepEqual(bench.server.requests[0]?.body, { target: { selector: '*' }, value })
    assert.equal(stdout, 'wrote "db/password" version 2\n')
  })

  it('reads standard input, and does not print the value', async () => {
    await using bench = await startBench(replies)

    const argv = ['secret', 'put', 'db/password', '--node', 'n_web', '--file', '-', '--json']
    const { stdout, stderr } = await bench.run(argv, { stdin: 's3cret' })

    assert.deepEqual(bench.server.requests[0]?.body, {
      target: { node_id: 'n_web' },
      value: 's3cret',
    })
    assert.deepEqual(JSON.parse(stdout), { ...secret, warnings: [] })
    assert.doesNotMatch(stdout + stderr, /s3cret/)
  })

  it('refuses bytes that are not UTF-8, without showing them', async () => {
    await using bench = await startBench()

    const argv = ['secret', 'put', 'db/password', '--node', 'n_web', '--file', '-']
    await assert.rejects(bench.run(argv, { stdin: new Uint8Array([0xff, 0x41]) }), {
      message:
        'read standard input: it is not UTF-8 text: encode it first, for example with base64',
    })
    assert.deepEqual(bench.server.lines(), [])
  })
})

describe('secret list', () => {
  it('shows names and versions', async () => {
    await using bench = await startBench({ 'GET /admin/v1/secrets?limit=500': aPage([secret]) })

    const { stdout } = await bench.run(['secret', 'list'])

    assert.equal(stdout, 'KEY          FOR  VERSION  UPDATED\ndb/password  *    2        30s\n')
  })
})

describe('secret remove', () => {
  it('names the target in the query', async () => {
    await using bench = await startBench({
      'DELETE /admin/v1/secrets/db%2Fpassword?node_id=n_web': {},
    })

    const argv = ['secret', 'remove', 'db/password', '--node', 'n_web', '--yes']
    const { stdout } = await bench.run(argv)

    assert.equal(stdout, 'removed "db/password" of n_web\n')
  })
})
