import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { ApiError, createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { getEntry, showState } from '../commands/local/state.ts'
import { endEarlierBuild, isOfEarlierBuild } from './earlier-build.ts'

/** Knows the paths that the first build had, and answers others as its router did. */
const program = `
const answers = {
  '/v1/status': { node_id: 'n_abc', version: '0.0.1' },
  '/v1/state': { metadata: {}, data_keys: [], secret_keys: [], report_keys: [] },
}
require('node:http').createServer((request, response) => {
  const found = request.method === 'GET' ? answers[request.url] : undefined
  const missing = request.url.startsWith('/v1/state/data/')
  if (found) response.end(JSON.stringify(found))
  else response.writeHead(404).end(missing ? '{"error":"not found"}' : '404 page not found')
}).listen(process.argv[1], () => console.log('serves'))
`

describe('a daemon of an earlier build', () => {
  let folder: string
  let socketPath: string
  let daemon: ChildProcess
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    socketPath = join(folder, 'api.sock')
  })
  after(async () => {
    daemon.kill('SIGKILL')
    await rm(folder, { recursive: true })
  })
  beforeEach(async () => {
    daemon?.kill('SIGKILL')
    await rm(socketPath, { force: true })
    daemon = spawn(process.execPath, ['-e', program, socketPath], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(daemon.stdout ?? assert.fail(), 'data')
  })
  const flags = () => ({ settings: { socketPath }, configFile: undefined })

  it('is named as the cause if it does not know a request, with what to do', async () => {
    await assert.rejects(showState(flags(), {}), {
      name: 'CliError',
      message: `read state: the daemon at "${socketPath}" is of an earlier build and does not know this: restart it, with "systemctl restart plexd"`,
    })
    await assert.rejects(
      getEntry(flags(), { kind: 'data', key: 'motd' }),
      /^ApiError: read data "motd": not found: "plexd state" lists what there is$/,
    )
  })

  it('is ended with SIGTERM, sent to the process that the kernel names, because it has no request for that', async () => {
    const client = createClient(localApi, createUnixTransport(socketPath))
    const refusal: unknown = await client.stop({}).catch((error: unknown) => error)
    assert.ok(refusal instanceof ApiError && isOfEarlierBuild(refusal))
    const exited = once(daemon, 'exit')
    await endEarlierBuild(socketPath)
    assert.deepEqual(await exited, [null, 'SIGTERM'])
  })

  it('is left alone where the socket is of another user than the process', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('needs root, to give a socket away')
    await chown(socketPath, 12_345, 12_345)
    await assert.rejects(endEarlierBuild(socketPath), /stop it with "systemctl stop plexd"/)
    assert.equal(daemon.exitCode ?? daemon.signalCode, null)
  })
})
