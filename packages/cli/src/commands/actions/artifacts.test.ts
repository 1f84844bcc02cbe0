import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { describe, it } from 'node:test'
import type { Artifact } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import { answer, failure } from '../../testing/admin-server.ts'
import { startBench } from '../../testing/run.ts'

const artifact: Artifact = {
  version: '1.5.0',
  os: 'linux',
  arch: 'amd64',
  size: 300_000,
  checksum: 'sha256:abc',
  created_at: '2025-01-15T10:29:00Z',
  signature: null,
}
const path = '/admin/v1/artifacts/plexd/1.5.0/linux/amd64'
const platform = ['--version', '1.5.0', '--os', 'linux', '--arch', 'amd64']
const content = 'plexd binary\n'.repeat(30_000)

describe('artifact upload', () => {
  it('streams the file behind its length and checksum', async () => {
    await using bench = await startBench({
      [`PUT ${path}`]: (_, response) => answer(response, 201, artifact),
    })

    const argv = ['artifact', 'upload', await bench.file('plexd', content), ...platform]
    const { stdout, stderr } = await bench.run(argv)

    const [request] = bench.server.requests
    assert.equal(request?.headers['content-type'], 'application/octet-stream')
    assert.equal(request?.headers['content-length'], String(content.length))
    assert.equal(
      request?.headers['x-checksum-sha256'],
      createHash('sha256').update(content).digest('hex'),
    )
    assert.equal(request?.body, content)
    assert.equal(stdout, 'uploaded 1.5.0 linux/amd64 sha256:abc, not signed\n')
    assert.equal(stderr, '')
  })

  it('sends the signature that lies beside it', async () => {
    const signature = Buffer.alloc(64, 7).toString('base64')
    await using bench = await startBench({
      [`PUT ${path}`]: (_, response) => answer(response, 201, { ...artifact, signature }),
    })

    const sig = await bench.file('plexd.sig', `${signature}\n`)
    const argv = ['artifact', 'upload', await bench.file('plexd', content), '--signature', sig]
    const { stdout } = await bench.run([...argv, ...platform])

    assert.equal(bench.server.requests[0]?.headers['x-plexd-signature'], signature)
    assert.equal(stdout, 'uploaded 1.5.0 linux/amd64 sha256:abc\n')
    await assert.rejects(bench.run([...argv.slice(0, 4), '/nowhere', ...platform]), {
      message: 'read "/nowhere": there is no such file',
    })
  })

  it('shows progress at a terminal, and the object of the API as JSON', async () => {
    await using bench = await startBench({ [`PUT ${path}`]: artifact })

    const argv = ['artifact', 'upload', await bench.file('plexd', content), ...platform, '--json']
    const { stdout, stderr } = await bench.run(argv, { tty: true })

    assert.ok(stderr.endsWith('plexd: 100 %\r\u001b[K'), 'the progress line is gone at the end')
    assert.deepEqual(JSON.parse(stdout), artifact)
  })

  it('passes on the refusal of the control plane', async () => {
    const why = 'artifact 1.5.0 linux/amd64 exists with another checksum'
    await using bench = await startBench({ [`PUT ${path}`]: failure(409, why) })

    const argv = ['artifact', 'upload', await bench.file('plexd', content), ...platform]
    await assert.rejects(bench.run(argv), { status: 409, message: why })
  })

  it('names a file that is gone when it is read for the second time', async () => {
    await using bench = await startBench({ [`PUT ${path}`]: artifact })
    const file = await bench.file('plexd', Buffer.alloc(16 * 1024 * 1024))

    const running = bench.run(['artifact', 'upload', file, ...platform])
    const refused = assert.rejects(running, {
      name: 'CliError',
      message: `read "${file}": there is no such file`,
    })
    await until('the file is open', () => isOpen(file), 20_000, 0)
    await rm(file)

    await refused
  })

  it('names a file that is not there, and one that is a folder', async () => {
    await using bench = await startBench()

    await assert.rejects(bench.run(['artifact', 'upload', '/nowhere', ...platform]), {
      message: 'read "/nowhere": there is no such file',
    })
    await assert.rejects(
      bench.run(['artifact', 'upload', bench.folder, ...platform]),
      /no regular file/,
    )
  })
})

/** In this process. */
function isOpen(file: string): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file
    } catch {
      return false // closed meanwhile
    }
  })
}

describe('artifact list', () => {
  it('shows size and checksum', async () => {
    await using bench = await startBench({ 'GET /admin/v1/artifacts': { items: [artifact] } })

    const { stdout } = await bench.run(['artifact', 'list'])

    assert.match(stdout, /^1\.5\.0 {4}linux {2}amd64 {2}300000 {2}sha256:abc {2}no {6}60s$/m)
  })
})

describe('artifact remove', () => {
  it('names the platform', async () => {
    await using bench = await startBench({ [`DELETE ${path}`]: {} })

    const { stdout } = await bench.run(['artifact', 'remove', ...platform, '--yes'])

    assert.equal(stdout, 'removed 1.5.0 linux/amd64\n')
  })
})
