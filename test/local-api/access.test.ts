import assert from 'node:assert/strict'
import { chmod, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { runToEnd } from '../../scripts/programs/program.ts'
import { type CurlAnswer, curlFlags, curlSocket, parseCurl } from '../support/curl.ts'
import { openSystem } from '../support/open-system.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root, to act as other users'

/** Numbers that no user and no group of the machine has. */
const user = 54_321
const groups = { plexd: 54_401, 'plexd-secrets': 54_402, other: 54_403 }

describe('who may use the Local Node API', { skip }, () => {
  const system = openSystem()

  /** A root process of the machine would be let in anywhere, so each caller is somebody else. */
  function as(agent: AgentProcess, ids: number[], path: string): Promise<CurlAnswer> {
    const setpriv = ['--reuid', String(user), '--regid', String(ids[0] ?? groups.other)]
    const [, ...more] = ids
    const supplementary = more.length > 0 ? ['--groups', more.join(',')] : ['--clear-groups']
    return runToEnd('setpriv', [
      ...[...setpriv, ...supplementary, '--', 'curl', ...curlFlags],
      ...['--unix-socket', agent.socket, `http://localhost${path}`],
    ]).then(parseCurl)
  }

  before(async () => {
    await chmod(system.folder, 0o711)
  })

  const groupFileExists = async (): Promise<boolean> =>
    (await runToEnd('getent', ['group', 'plexd'])).code === 0

  it('lets root alone in where there is no group plexd', async (t) => {
    if (await groupFileExists()) return t.skip('this machine has the group')
    const agent = await system.startAgent('no-group')
    await chmod(agent.home, 0o711)
    const { mode, uid } = await stat(agent.socket)
    assert.equal(mode & 0o777, 0o600)
    assert.equal(uid, 0)
    await assert.rejects(as(agent, [groups.other], '/v1/state'), /curl ended with code 7/)
    assert.equal((await curlSocket(agent.socket, '/v1/state')).status, 200)
  })

  it('lets in the groups plexd and plexd-secrets once they are made, while it runs', async () => {
    const groupFile = join(system.folder, 'later-group')
    await writeFile(groupFile, 'root:x:0:\n', { mode: 0o644 })
    const agent = await system.startAgent('later', { prefix: withGroups(groupFile) })
    await chmod(agent.home, 0o711)
    const { body: node } = await system.admin.getNode({ params: { node: 'later' } })
    await system.admin.putSecret({
      params: { key: 'later' },
      body: { target: { node_id: node.id }, value: 's3cret' },
    })
    const ids = [groups.other, groups.plexd, groups['plexd-secrets']]
    await assert.rejects(as(agent, ids, '/v1/state'), /curl ended with code 7/)
    const { plexd, 'plexd-secrets': secrets } = groups
    await writeFile(groupFile, `root:x:0:\nplexd:x:${plexd}:\nplexd-secrets:x:${secrets}:\n`)
    await until('the secret can be read', () =>
      as(agent, ids, '/v1/state/secrets/later').then(
        ({ text }) => text.includes('s3cret'),
        () => false, // the socket is not theirs yet
      ),
    )
    await agent.end()
  })

  describe('with the groups plexd and plexd-secrets', () => {
    let agent: AgentProcess

    before(async () => {
      const groupFile = join(system.folder, 'group')
      const lines = Object.entries(groups).map(([name, id]) => `${name}:x:${id}:\n`)
      await writeFile(groupFile, `root:x:0:\n${lines.join('')}`, { mode: 0o644 })
      agent = await system.startAgent('with-groups', {
        prefix: withGroups(groupFile),
        metadata: { role: 'web' },
      })
      await chmod(agent.home, 0o711)
      const { body: node } = await system.admin.getNode({ params: { node: 'with-groups' } })
      await system.admin.putSecret({
        params: { key: 'password' },
        body: { target: { node_id: node.id }, value: 's3cret' },
      })
      await until('the secret is listed', async () =>
        (await curlSocket(agent.socket, '/v1/state/secrets')).text.includes('"password"'),
      )
    })

    it('gives the socket to root and the group plexd', async () => {
      const { mode, uid, gid } = await stat(agent.socket)
      assert.equal(mode & 0o777, 0o660)
      assert.deepEqual([uid, gid], [0, groups.plexd])
    })

    it('refuses the connection of a user who is in neither', async () => {
      await assert.rejects(as(agent, [groups.other], '/v1/state'), /curl ended with code 7/)
      await assert.rejects(
        as(agent, [groups['plexd-secrets']], '/v1/state'),
        /curl ended with code 7/,
      )
    })

    for (const [how, ids] of [
      ['by its primary group', [groups.plexd]],
      ['by a supplementary group', [groups.other, groups.plexd]],
    ] as const) {
      it(`lets a user of the group plexd read all but secret values, ${how}`, async () => {
        for (const path of ['/v1/state', '/v1/state/metadata/role', '/v1/state/secrets'])
          assert.equal((await as(agent, [...ids], path)).status, 200, path)
        const answer = await as(agent, [...ids], '/v1/state/secrets/password')
        assert.equal(answer.status, 403)
        assert.deepEqual(answer.json(), {
          error: 'forbidden: insufficient privileges for secret access',
        })
        assert.equal((await as(agent, [...ids], '/v1/state/secrets/nobody')).status, 403)
      })
    }

    it('lets a user of both groups read secret values', async () => {
      const ids = [groups.other, groups.plexd, groups['plexd-secrets']]
      const answer = await as(agent, ids, '/v1/state/secrets/password')
      assert.deepEqual(answer.json(), { key: 'password', value: 's3cret', version: 1 })
    })
  })
})

/** The groups exist in a mount namespace of the agent alone. */
function withGroups(groupFile: string): string[] {
  const script = 'mount --bind "$0" /etc/group && exec "$@"'
  return ['unshare', '--mount', 'sh', '-c', script, groupFile]
}
