import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startBench } from '../../testing/run.ts'
import { aNode, aPage } from '../../testing/samples.ts'
import { newKey } from './client/keys.ts'

const hostKey = (await newKey()).publicKey
const capabilities = { builtin_actions: [], sessions: { host_key: hostKey, max_sessions: 10 } }
const replies = {
  'GET /admin/v1/nodes/web-01': aNode({ capabilities }),
  'GET /admin/v1/nodes/n_web': aNode({ capabilities }),
  'GET /admin/v1/nodes/n_go': aNode({ id: 'n_go', hostname: 'go-01' }),
  'GET /admin/v1/nodes/go-01': aNode({ id: 'n_go', hostname: 'go-01' }),
  'GET /admin/v1/nodes?limit=500': aPage([aNode(), aNode({ id: 'n_go' })]),
}

describe('ssh-config', () => {
  it('prints a block for ssh, whose key and host key are kept beside the settings', async () => {
    await using bench = await startBench(replies)
    const folder = join(bench.folder, 'plexctl')
    await bench.run(['ssh-config', 'web-01'])
    const key = await readFile(join(folder, 'ssh_ed25519'), 'utf8')

    const { stdout } = await bench.run(['ssh-config', '--login', 'deploy'])

    assert.equal(
      stdout,
      `Host web-01
  User deploy
  ProxyCommand plexctl ssh-proxy %h -l %r
  IdentityFile ${folder}/ssh_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile ${folder}/known_hosts
  StrictHostKeyChecking yes
  # known_hosts: web-01 ${hostKey}
`,
    )
    assert.equal(await readFile(join(folder, 'known_hosts'), 'utf8'), `web-01 ${hostKey}\n`)
    assert.equal(await readFile(join(folder, 'ssh_ed25519'), 'utf8'), key)
    assert.equal((await stat(join(folder, 'ssh_ed25519'))).mode & 0o777, 0o600)
  })

  it('prints a block that goes by the mesh', async () => {
    await using bench = await startBench(replies)

    const { stdout } = await bench.run(['ssh-config', 'web-01', '--mesh'])

    assert.match(stdout, /^ {2}ProxyCommand plexctl ssh-proxy %h -l %r --mesh$/m)
  })

  it('prints the lines of known_hosts alone', async () => {
    await using bench = await startBench(replies)

    const { stdout } = await bench.run(['ssh-config', 'web-01', '--known-hosts'])

    assert.equal(stdout, `web-01 ${hostKey}\n`)
  })

  it('says which node has no host key', async () => {
    await using bench = await startBench(replies)

    await assert.rejects(
      bench.run(['ssh-config', 'go-01']),
      /read host key of go-01 \(n_go\): it announces none/,
    )
  })
})
