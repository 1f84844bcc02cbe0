import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { exitCodes } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { type Output, runProgram } from '../../scripts/programs/program.ts'
import { openSystem } from '../support/open-system.ts'

describe("the agent's command line", () => {
  const system = openSystem()
  let agent: AgentProcess

  const plexd = (command: string[], ...rest: string[]): Promise<Output> =>
    runProgram('plexd', [...command, '--socket', agent.socket, ...rest])
  async function printed(command: string[], ...rest: string[]): Promise<string> {
    const { code, stdout, stderr } = await plexd(command, ...rest)
    assert.equal(code, exitCodes.ok, stderr)
    return stdout
  }

  before(async () => {
    agent = await system.startAgent('node-01', { metadata: { region: 'eu-west-1' } })
    const { body: node } = await system.admin.getNode({ params: { node: 'node-01' } })
    const target = { node_id: node.id }
    await system.admin.putData({
      params: { key: 'etc/nginx.conf' },
      body: { target, content_type: 'text/plain', payload: 'server {}' },
    })
    await system.admin.putSecret({
      params: { key: 'db/password' },
      body: { target, value: 's3cret-p@ssw0rd' },
    })
    await until('all of it has come', async () => {
      const { stdout } = await plexd(['state', '--json'])
      return stdout.includes('etc/nginx.conf') && stdout.includes('db/password')
    })
  })

  it('shows how the daemon is doing', async () => {
    await until('it is connected', async () =>
      (await printed(['status', '--json'])).includes('"connected"'),
    )
    const status = JSON.parse(await printed(['status', '--json'])) as {
      hostname: string
      problems: string[]
      counts: { data: number; secrets: number }
    } // the shape of GET /v1/status
    assert.equal(status.hostname, 'node-01')
    assert.deepEqual(status.problems, [])
    assert.equal(status.counts.data, 1)
    assert.equal(status.counts.secrets, 1)
    assert.match(await printed(['status']), /node-01/)
  })

  it('reads metadata, data with slashes in the key, and a secret', async () => {
    const [label, data, secret] = await Promise.all([
      printed(['state', 'get', 'metadata', 'region']),
      printed(['state', 'get', 'data', 'etc/nginx.conf']),
      printed(['state', 'get', 'secret', 'db/password']),
    ])
    assert.match(label, /eu-west-1/)
    assert.match(data, /server \{\}/)
    assert.match(secret, /s3cret-p@ssw0rd/)
  })

  it('writes a report entry, reads it, guards it by its version, and deletes it', async () => {
    const data = ['--data', '{"status":"ok"}']
    await printed(['state', 'report', 'health'], ...data)
    const entry = JSON.parse(await printed(['state', 'get', 'report', 'health', '--json'])) as {
      payload: unknown
      version: number
    } // the shape of a report entry
    assert.deepEqual(entry.payload, { status: 'ok' })
    assert.equal(entry.version, 1)
    const uid = process.getuid?.()
    assert.match(
      await printed(['state']),
      new RegExp(`report +health +1 +written by user .*${uid}`),
    )
    await until('the control plane knows who wrote it', async () => {
      const { stdout } = await system.plexctl('report', 'list', 'node-01')
      return new RegExp(`^health .*user ${uid}$`, 'm').test(stdout)
    })
    const guarded = await plexd(['state', 'report', 'health'], ...data, '--if-match', '7')
    assert.equal(guarded.code, exitCodes.failed)
    assert.match(guarded.stderr, /version conflict/)
    await printed(['state', 'delete', 'report', 'health'])
    assert.equal((await plexd(['state', 'get', 'report', 'health'])).code, exitCodes.notFound)
  })

  const failures: [string, string[], number][] = [
    ['a key that is not there', ['state', 'get', 'data', 'nobody'], exitCodes.notFound],
    ['a secret that is not there', ['state', 'get', 'secret', 'nobody'], exitCodes.notFound],
    ['a kind that is none', ['state', 'get', 'nonsense', 'x'], exitCodes.usage],
    ['data that is not JSON', ['state', 'report', 'x', '--data', '{'], exitCodes.usage],
    ['a key that is empty', ['state', 'report', '', '--data', '{}'], exitCodes.usage],
    ['an unknown command', ['nonsense'], exitCodes.usage],
    ['an unknown option', ['status', '--nonsense'], exitCodes.usage],
  ]
  describe('when it fails', { concurrency: 2 }, () => {
    for (const [what, command, code] of failures) {
      it(`ends with ${code} for ${what}, in one line and without a stack`, async () => {
        const output = await plexd(command)
        assert.equal(output.code, code, output.stderr)
        assert.equal(output.stdout, '')
        assert.notEqual(output.stderr, '')
        assert.match(output.stderr, /^plexd: /)
        assert.doesNotMatch(output.stderr, /^\s+at /m)
      })
    }
  })

  it(`ends with ${exitCodes.unreachable} when no daemon runs`, async () => {
    const socket = join(system.folder, 'nobody.sock')
    for (const command of [['status'], ['state'], ['state', 'get', 'metadata', 'x']]) {
      const { code, stderr } = await runProgram('plexd', [...command, '--socket', socket])
      assert.equal(code, exitCodes.unreachable, stderr)
      assert.match(stderr, /nobody\.sock/)
    }
  })

  it('shows who the machine is to who joins again', async () => {
    const { url, caFile } = system.controlPlane
    const connection = ['--api', url, '--ca-file', caFile, '--data-dir', agent.dataDir]
    const { code, stdout } = await runProgram('plexd', ['join', ...connection])
    assert.equal(code, exitCodes.ok)
    assert.match(stdout, /node_id: n_\w+/)
    assert.match(stdout, /mesh_ip: 10\.100\./)
  })

  it('enrols by itself, and prints who the machine is', async () => {
    const { url, caFile } = system.controlPlane
    const token = await system.bootstrapToken()
    const { code, stdout, stderr } = await runProgram(
      'plexd',
      [
        ...['join', '--api', url, '--ca-file', caFile, '--hostname', 'joined'],
        ...['--data-dir', join(system.folder, 'joined')],
      ],
      { PLEXD_BOOTSTRAP_TOKEN: token },
    )
    assert.equal(code, exitCodes.ok, stderr)
    const { body } = await system.admin.getNode({ params: { node: 'joined' } })
    assert.match(stdout, new RegExp(`node_id: ${body.id}`))
    assert.doesNotMatch(stdout + stderr, new RegExp(token))
  })
})
