import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { adminApi, createClient } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { startProcess } from './testing/child.ts'

const run = promisify(execFile)
const main = join(import.meta.dirname, 'main.ts')

describe('plexd-control-plane', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-program-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('serves over TLS, writes the token of the first operator, and stops with exit code 0', async () => {
    const dataDir = join(folder, 'tls')
    await using child = await startProcess(['--data-dir', dataDir, '--listen', '127.0.0.1:0'])
    assert.match(child.url, /^https:\/\/127\.0\.0\.1:[1-9]\d*$/)
    assert.equal((await stat(join(dataDir, 'admin-token'))).mode & 0o777, 0o600)
    const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
    using transport = createHttpTransport({
      baseUrl: child.url,
      caFile: join(dataDir, 'ca.crt'),
      userAgent: 'test',
    })
    const admin = createClient(adminApi, transport, () => token)

    const { body: me } = await admin.whoAmI({})
    assert.deepEqual(me, { name: 'admin', role: 'owner', tenant: 'default' })
    const { body } = await admin.listPolicies({})
    assert.deepEqual(
      body.items.map(({ name, rules }) => ({ name, rules })),
      [{ name: 'allow-all', rules: [{ from: '*', to: '*', action: 'allow' }] }],
    )

    const startMs = performance.now()
    assert.deepEqual(await child.kill('SIGTERM'), { code: 0, signal: null })
    assert.ok(performance.now() - startMs < 20_000)
  })

  it('is alone on its data folder, and leaves it to the next when it is killed', async () => {
    const args = [
      ...['--data-dir', join(folder, 'alone'), '--listen', '127.0.0.1:0'],
      '--insecure-http',
    ]
    await using first = await startProcess(args)
    await assert.rejects(
      startProcess(args),
      /^Error: serve ended with 1: plexd-control-plane: open data folder "\S+alone": another control plane is running on it: stop that first, or choose another with --data-dir$/,
    )
    await first.kill('SIGKILL')
    await using second = await startProcess(args)
    assert.match(second.url, /^http:/)
  })

  it('says where it cannot write, and what to do', async () => {
    for (const [dataDir, why] of [
      ['/proc/no-such/folder', /ENOENT/],
      [join(main, 'below'), /ENOTDIR/],
    ] as const)
      await assert.rejects(
        run(process.execPath, [main, 'serve', '--data-dir', dataDir], { timeout: 20_000 }),
        ({ code, stderr }: { code: number; stderr: string }) => {
          assert.equal(code, 1)
          assert.match(stderr, why)
          assert.match(stderr, /^plexd-control-plane: write to data folder "\S+": .*--data-dir\n$/)
          return true
        },
      )
  })

  it('says which port is taken, and which option chooses another', async () => {
    await using first = await startProcess([
      ...['--data-dir', join(folder, 'first'), '--listen', '127.0.0.1:0'],
      '--insecure-http',
    ])
    const { port } = new URL(first.url)
    await assert.rejects(
      startProcess([
        ...['--data-dir', join(folder, 'second'), '--listen', `127.0.0.1:${port}`],
        '--insecure-http',
      ]),
      new RegExp(
        `serve on host "127\\.0\\.0\\.1", port ${port}: .*EADDRINUSE.* choose another with --listen$`,
      ),
    )
  })

  it('refuses plain HTTP beyond this machine, and settings that it cannot read', async () => {
    for (const [args, error] of [
      [['--insecure-http', '--listen', '0.0.0.0:0'], /is no loopback address/],
      [['--tls-cert', join(folder, 'a.crt')], /give both --tls-cert and --tls-key/],
      [
        ['--heartbeat-interval', 'soon'],
        /read config: heartbeat_interval "soon": parse duration "soon"/,
      ],
      [['--config', join(folder, 'nowhere.yaml')], /there is no such file/],
    ] as const)
      await assert.rejects(
        run(process.execPath, [main, 'serve', ...args]),
        ({ code, stderr }: { code: number; stderr: string }) => {
          assert.equal(code, 2)
          assert.match(stderr, error)
          assert.equal(stderr.trimEnd().split('\n').length, 1)
          return true
        },
      )
  })

  it('says an address to go to where it listens on all of them', async () => {
    await using child = await startProcess([
      ...['--data-dir', join(folder, 'all'), '--listen', '0.0.0.0:0', '--stun-listen', 'off'],
    ])
    assert.match(child.url, /^https:\/\/(?!0\.0\.0\.0)\S+:[1-9]\d*$/)
  })

  it('reads a file of settings', async () => {
    const path = join(folder, 'config.yaml')
    await writeFile(
      path,
      `data_dir: ${join(folder, 'file')}\nlisten: 127.0.0.1:0\ninsecure_http: true\n`,
    )
    await using child = await startProcess(['--config', path])
    assert.match(child.url, /^http:\/\/127\.0\.0\.1:/)
  })

  it('prints its version, and examples with its help', async () => {
    const { stdout } = await run(process.execPath, [main, 'version'])
    assert.match(stdout, /^plexd-control-plane version \d+\.\d+\.\d+\n$/)
    const json = await run(process.execPath, [main, 'version', '--json'])
    assert.match(JSON.parse(json.stdout).version, /^\d+\.\d+\.\d+$/)
    const help = await run(process.execPath, [main, 'serve', '--help'])
    assert.match(help.stdout, /Examples:[\s\S]+--insecure-http/)
    const script = await run(process.execPath, [main, 'completion', 'bash'])
    assert.match(script.stdout, /"backup"\) words="create verify /)
  })
})
