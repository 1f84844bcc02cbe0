import assert from 'node:assert/strict'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { startBench } from '../../testing/run.ts'

const nothing = { PLEXCTL_SERVER: '', PLEXCTL_TOKEN_FILE: '' }

describe('config set', () => {
  it('keeps the flags that are given and leaves the others', async () => {
    await using bench = await startBench()

    await bench.run(['config', 'set', '--server', 'https://a.example', '--ca-file', 'ca.crt'])
    await bench.run(['config', 'set', '--server', 'https://b.example'])

    const path = join(bench.folder, 'plexctl/config.yaml')
    assert.equal(
      await readFile(path, 'utf8'),
      `server: https://b.example\nca_file: ${resolve('ca.crt')}\ninsecure_http: true\n`,
    )
    assert.equal((await stat(path)).mode & 0o777, 0o600)
  })
})

describe('config set, with a server that cannot be one', () => {
  it('refuses it and keeps the file as it was', async () => {
    await using bench = await startBench()
    await bench.run(['config', 'set', '--server', 'https://a.example'])

    await assert.rejects(bench.run(['config', 'set', '--server', 'nonsense']), {
      message: /^use server "nonsense" of --server: want a URL/,
      exitCode: 2,
    })

    const kept = await readFile(join(bench.folder, 'plexctl/config.yaml'), 'utf8')
    assert.match(kept, /^server: https:\/\/a\.example$/m)
  })
})

describe('config show', () => {
  it('says where each value comes from: flag, environment, file', async () => {
    await using bench = await startBench()
    await bench.run(['config', 'set', '--server', 'https://a.example', '--ca-file', '/ca.crt'])

    const { stdout } = await bench.run(['config', 'show', '--server', 'https://flag.example'], {
      env: { PLEXCTL_TOKEN_FILE: '/env-token' },
    })

    assert.match(stdout, /^server: {8}https:\/\/flag\.example \(from --server\)$/m)
    assert.match(stdout, /^ca file: {7}\/ca\.crt \(from .*config\.yaml\)$/m)
    assert.match(stdout, /^token file: {4}\/env-token \(from PLEXCTL_TOKEN_FILE\)$/m)
  })

  it('prints an object as JSON', async () => {
    await using bench = await startBench()

    const { stdout } = await bench.run(['config', 'show', '--json'], { env: nothing })

    assert.deepEqual(JSON.parse(stdout), {
      config_file: join(bench.folder, 'plexctl/config.yaml'),
      server: null,
      ca_file: null,
      token_file: null,
      insecure_http: true,
      proxy: null,
    })
  })

  it('names the proxy of the environment, without its user', async () => {
    await using bench = await startBench()
    const env = { HTTPS_PROXY: 'http://user:secret@proxy.example:3128', NO_PROXY: '.corp' }
    const show = (server: string) => bench.run(['config', 'show', '--server', server], { env })

    const { stdout } = await show('https://cp.example:8443')
    assert.match(stdout, /^proxy: +http:\/\/\*\*\*@proxy\.example:3128 \(from the environment\)$/m)
    assert.doesNotMatch((await show('https://cp.corp:8443')).stdout, /^proxy:/m)
  })

  it('is refused for a proxy that nobody here speaks with', async () => {
    await using bench = await startBench()
    const env = { HTTPS_PROXY: 'socks5://proxy:1080', PLEXCTL_SERVER: 'https://cp.example' }
    await assert.rejects(bench.run(['whoami'], { env }), {
      exitCode: 2,
      message: /only http:\/\/ and https:\/\/ can be/,
    })
  })
})

describe('the config file', () => {
  it('is used when neither flag nor environment say otherwise', async () => {
    await using bench = await startBench({
      'GET /admin/v1/whoami': { name: 'root', role: 'owner', tenant: 'default' },
    })
    const token = join(bench.folder, 'token')
    await bench.run(['config', 'set', '--server', bench.server.url, '--token-file', token])

    const { stdout } = await bench.run(['whoami'], { env: nothing })

    assert.equal(stdout, 'root, owner of tenant default\n')
  })

  it('is refused with its name when it has a key that is unknown or of a wrong type', async () => {
    await using bench = await startBench()
    const path = join(bench.folder, 'plexctl/config.yaml')
    await mkdir(join(bench.folder, 'plexctl'))

    await writeFile(path, 'sever: https://a.example\n')
    await assert.rejects(bench.run(['whoami']), {
      message: `read config "${path}": unknown key "sever": did you mean "server"?`,
    })
    await writeFile(path, 'server: 7\n')
    await assert.rejects(bench.run(['whoami']), {
      message: `read config "${path}": "server" must be a string`,
    })
  })
})
