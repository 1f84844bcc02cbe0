import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { DaemonStatus, Entry } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import type { Static } from 'typebox'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { commandOf, type Output, runProgram, runToEnd } from '../../scripts/programs/program.ts'
import { curlSocket } from '../support/curl.ts'
import { openSystem } from '../support/open-system.ts'
import { startSystem } from '../support/system.ts'

describe('the Local Node API without its control plane', () => {
  const system = openSystem()
  let agent: AgentProcess

  const get = (path: string) => curlSocket(agent.socket, path)
  const putReport = async (key: string, payload: unknown): Promise<Entry> => {
    const body = JSON.stringify({ content_type: 'application/json', payload })
    const answer = await curlSocket(
      agent.socket,
      `/v1/state/report/${key}`,
      ...['-X', 'PUT', '-d', body],
    )
    assert.equal(answer.status, 200, answer.text)
    return answer.json<Entry>()
  }
  const reported = async (key: string): Promise<unknown> => {
    const { body } = await system.admin.listReports({ params: { node: 'node-01' } })
    return body.items.find((entry) => entry.key === key)?.payload
  }
  const status = async () => (await get('/v1/status')).json<Static<typeof DaemonStatus>>()

  before(async () => {
    agent = await system.startAgent('node-01', { metadata: { role: 'web' } })
    const node_id = (await status()).node_id
    await system.admin.putData({
      params: { key: 'motd' },
      body: { target: { node_id }, content_type: 'text/plain', payload: 'hello' },
    })
    await system.admin.putSecret({
      params: { key: 'password' },
      body: { target: { node_id }, value: 's3cret-p@ssw0rd' },
    })
    await until('the secret is listed', async () =>
      (await get('/v1/state/secrets')).text.includes('"password"'),
    )
    await until('the data is there', async () => (await get('/v1/state/data/motd')).status === 200)
  })

  it('has no secret that is for another node, as if there were none', async () => {
    await system.admin.putSecret({
      params: { key: 'of-others' },
      body: { target: { selector: 'role=db' }, value: 'x' },
    })
    for (const key of ['of-others', 'of-nobody']) {
      const answer = await get(`/v1/state/secrets/${key}`)
      assert.deepEqual([answer.status, answer.json()], [404, { error: 'not found' }], key)
    }
  })

  it('answers 503 for a secret value, and everything else from what it holds', async () => {
    assert.equal((await get('/v1/state/secrets/password')).status, 200)
    await system.controlPlane.end()
    const answer = await get('/v1/state/secrets/password')
    assert.equal(answer.status, 503)
    assert.deepEqual(answer.json(), { error: 'control plane unavailable' })
    assert.match((await get('/v1/state/data/motd')).text, /"hello"/)
    assert.match((await get('/v1/state/metadata/role')).text, /"web"/)
    assert.match((await get('/v1/state/secrets')).text, /"password"/)
  })

  it('starts from its disk while the control plane is away, and takes reports', async () => {
    await putReport('before', 1)
    await agent.end()
    await agent.start()
    assert.match((await get('/v1/state/data/motd')).text, /"hello"/)
    assert.match((await get('/v1/state/metadata/role')).text, /"web"/)
    assert.match((await get('/v1/state/secrets')).text, /"password"/)
    assert.match((await get('/v1/state/report/before')).text, /"payload":1/)
    assert.equal((await get('/v1/state/secrets/password')).status, 503)
    await putReport('during', 2)
    await agent.end('SIGKILL')
    await agent.start()
    assert.match((await get('/v1/state/report/during')).text, /"payload":2/)
    const { stream } = (await status()).control_plane
    assert.notEqual(stream, 'connected')
  })

  it('says in its status and in plexd status what does not work', async () => {
    await until('it is a problem', async () => (await status()).problems.length > 0)
    const shown = await runProgram('plexd', ['status', '--socket', agent.socket, '--json'])
    const { problems } = JSON.parse(shown.stdout) as { problems: string[] } // the shape of the status
    assert.notDeepEqual(problems, [])
  })

  it('brings what was reported meanwhile, and reads secrets, once it is back', async () => {
    await system.controlPlane.start()
    await until('the secret can be read', async () => {
      const answer = await get('/v1/state/secrets/password')
      return answer.status === 200 && answer.text.includes('s3cret-p@ssw0rd')
    })
    await until(
      'the stream is back',
      async () => {
        const { stream } = (await status()).control_plane
        return stream === 'connected'
      },
      30_000,
    )
    await until(
      'both reports arrive',
      async () => {
        return (await reported('before')) === 1 && (await reported('during')) === 2
      },
      30_000,
    )
  })

  it('never writes a secret to the disk, the log or the status', async () => {
    const log = await agent.program().log()
    const { text } = await get('/v1/status')
    assert.doesNotMatch(log + text, /s3cret/)
    const { code } = await runToEnd('grep', ['-r', '-q', '-a', 's3cret', agent.dataDir])
    assert.equal(code, 1, 'grep finds nothing')
  })

  it('goes on with what it holds when its node is removed, and says so', async () => {
    await system.admin.removeNode({ params: { node: 'node-01' } })
    await until(
      'the status says it',
      async () => {
        const { control_plane, problems } = await status()
        return control_plane.stream !== 'connected' && problems.length > 0
      },
      20_000,
    )
    assert.match((await get('/v1/state/data/motd')).text, /"hello"/)
    assert.equal((await get('/v1/state/secrets/password')).status, 503)
    await delay(1_000)
    assert.equal(agent.program().child.exitCode, null)
  })
})

describe('plexd deregister', () => {
  it('takes the node out, and takes its identity away when asked to', async () => {
    await using system = await startSystem()
    const agent = await system.startAgent('leaving')
    await agent.end()
    const connection = ['--api', system.controlPlane.url, '--ca-file', system.controlPlane.caFile]
    const command = ['deregister', '--purge', '--data-dir', agent.dataDir, ...connection]
    for (const answer of ['\n', 'n\n']) {
      const refused = await atTerminal(command, answer)
      assert.match(refused.stdout, /take node "leaving \(n_\w+\)" out of the mesh and remove all/)
      assert.match(refused.stdout, /not confirmed: nothing was done/)
      assert.equal((await system.admin.listNodes({})).body.items.length, 1)
    }
    const left = await runProgram('plexd', command)
    assert.equal(left.code, 0, left.stderr)
    assert.match(left.stdout, /deregistered/)
    const { body } = await system.admin.listNodes({})
    assert.deepEqual(body.items, [])
    await assert.rejects(readFile(join(agent.dataDir, 'identity.json')))
  })

  it('does so at a terminal for whoever says yes, in either way', async () => {
    await using system = await startSystem()
    const { url, caFile } = system.controlPlane
    for (const [name, flags, answer] of [
      ['asked', [], 'y\n'],
      ['told', ['--yes'], ''],
    ] as const) {
      const agent = await system.startAgent(name)
      await agent.end()
      const where = ['--data-dir', agent.dataDir, '--api', url, '--ca-file', caFile]
      const { stdout } = await atTerminal(['deregister', '--purge', ...where, ...flags], answer)
      assert.match(stdout, /identity and state removed/)
      assert.equal(/\[y\/N\]/.test(stdout), name === 'asked')
    }
  })
})

/** What a person sees of plexd, and types. */
function atTerminal(args: readonly string[], typed: string): Promise<Output> {
  const line = commandOf('plexd', args)
    .map((word) => `'${word}'`)
    .join(' ')
  return runToEnd('script', ['--quiet', '--return', '--command', line, '/dev/null'], {}, typed)
}
