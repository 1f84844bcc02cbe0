import assert from 'node:assert/strict'
import { chmod, chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { serve } from '@plexd/runtime/testing'
import { type AgentConfig, defaultConfig } from '../config/agent-config.ts'
import { makeFolder } from '../testing/node.ts'
import { fetchMetadataToken } from './metadata-token.ts'
import { findBootstrapToken } from './token.ts'

describe('findBootstrapToken', () => {
  it('looks in the config, the file and the environment, then asks', async () => {
    await using folder = await makeFolder()
    const tokenFile = join(folder.path, 'token')
    const env = { PLEXD_BOOTSTRAP_TOKEN: 'from-env', MY_TOKEN: 'from-my-env' }
    const ask = async () => 'typed'
    const find = (changes: Partial<AgentConfig>, variables: NodeJS.ProcessEnv = env) =>
      findBootstrapToken({ ...defaultConfig, hostname: 'h', tokenFile, ...changes }, variables, ask)

    assert.equal(await find({}), 'from-env')
    assert.equal(await find({ tokenEnv: 'MY_TOKEN' }), 'from-my-env')
    assert.equal(await find({}, {}), 'typed')
    await writeFile(tokenFile, '  from-file\n', { mode: 0o600 })
    assert.equal(await find({}), 'from-file')
    assert.equal(await find({ tokenValue: 'from-config' }), 'from-config')
    await writeFile(tokenFile, ' \n')
    assert.equal(await find({}), 'from-env')
  })

  it('refuses a file that others can read, but accepts one that belongs to the user who ran sudo', async (t) => {
    await using folder = await makeFolder()
    const tokenFile = join(folder.path, 'token')
    const find = (env: NodeJS.ProcessEnv = {}) =>
      findBootstrapToken({ ...defaultConfig, hostname: 'h', tokenFile }, env)
    await writeFile(tokenFile, 'from-file\n', { mode: 0o600 })
    await chmod(tokenFile, 0o644)
    await assert.rejects(find(), {
      message: `read "${tokenFile}": users other than its owner may read it (mode 0644): chmod 600 ${tokenFile}`,
    })
    await chmod(tokenFile, 0o600)
    assert.equal(await find(), 'from-file')
    if (process.getuid?.() !== 0) return t.skip('needs root, to give a file away')
    await chown(tokenFile, 12_345, 0)
    await assert.rejects(find(), /belongs to another user \(uid 12345, mode 0600\): chown 0 /)
    await assert.rejects(find({ SUDO_UID: '54321' }), /belongs to another user/)
    assert.equal(await find({ SUDO_UID: '12345' }), 'from-file')
  })

  it('says where it looked, and how to get a token', async () => {
    await assert.rejects(
      findBootstrapToken({ ...defaultConfig, hostname: 'h', tokenFile: '/nowhere/token' }, {}),
      /looked for the file "\/nowhere\/token" and the variable PLEXD_BOOTSTRAP_TOKEN: make one with "plexctl token create"/,
    )
  })

  it('says that a file is empty, and names a file that contains no token', async () => {
    await using folder = await makeFolder()
    const tokenFile = join(folder.path, 'token')
    const find = () => findBootstrapToken({ ...defaultConfig, hostname: 'h', tokenFile }, {})
    await writeFile(tokenFile, '\n', { mode: 0o600 })
    await assert.rejects(find(), /looked for the file ".*token", which is empty, and the variable/)
    await writeFile(tokenFile, '{\n  "token": "plx_enroll_x"\n}\n')
    await assert.rejects(
      find(),
      /^CliError: read bootstrap token from ".*token": .* the token alone/,
    )
  })

  it('refuses text that cannot be a token, without showing it', async () => {
    for (const tokenValue of ['x'.repeat(513), 'two\nlines', 'schlüssel']) {
      await assert.rejects(
        findBootstrapToken({ ...defaultConfig, hostname: 'h', tokenValue }, {}),
        (error: Error) =>
          /printable ASCII/.test(error.message) && !error.message.includes(tokenValue),
      )
    }
  })
})

describe('fetchMetadataToken', () => {
  const config = { tokenMetadataPath: '/plexd/bootstrap-token', tokenMetadataTimeoutMs: 500 }

  it('requests a session token first', async () => {
    await using service = await startMetadataService({ session: 'abc' })
    assert.equal(await fetchMetadataToken(config, service.url), 'plx_enroll_cloud')
  })

  it('works without a session token where the service has none', async () => {
    await using service = await startMetadataService({})
    assert.equal(await fetchMetadataToken(config, service.url), 'plx_enroll_cloud')
  })

  it('finds nothing in an endless answer', async () => {
    await using service = await startMetadataService({ token: 'x'.repeat(1_000_000) })
    assert.equal(await fetchMetadataToken(config, service.url), undefined)
  })

  it('finds nothing where there is no service', async () => {
    assert.equal(await fetchMetadataToken(config, 'http://127.0.0.1:9'), undefined)
  })
})

function startMetadataService({
  session,
  token = 'plx_enroll_cloud',
}: {
  session?: string
  token?: string
}) {
  return serve(({ method, url, headers }, response) => {
    if (method === 'PUT' && url === '/latest/api/token' && session) return response.end(session)
    const allowed = session === undefined || headers['x-aws-ec2-metadata-token'] === session
    if (method === 'GET' && url === '/plexd/bootstrap-token' && allowed) {
      return response.end(token)
    }
    response.writeHead(404).end()
  })
}
