import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { formatJoin } from '@plexd/protocol'
import { secretForms } from '@plexd/runtime'
import { saveIdentity } from '../identity/identity.ts'
import { makeFolder } from '../testing/node.ts'

const main = join(import.meta.dirname, '..', 'main.ts')
/** One for each place, so that a failure says which. */
const canary = (place: string): string => `canary-${place}-${crypto.randomUUID().slice(0, 8)}`
const key = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')

describe('plexd bugreport', () => {
  it('has no secret of any place, in no encoding, with no daemon', async () => {
    await using place = await makeFolder()
    const { env, args, secrets } = await plant(place.path)
    const { code, stdout, stderr } = await plexd(args, env)

    assert.equal(code, 0, stderr)
    const { file, parts, notes } = JSON.parse(stdout)
    assert.deepEqual(notes, [])
    execFileSync('tar', ['-xzf', file], { cwd: place.path })
    const all = await readAll(place.path, file)
    for (const [name, secret] of Object.entries(secrets))
      for (const form of secretForms(secret))
        assert.ok(!all.includes(form), `the secret of ${name} is in it as "${form}"`)
    assert.match(all, /"from": "config file"/)
    assert.match(all, /"from": "option --data-dir"/)
    const errors = new Map(
      parts.map((part: { file: string; error?: string }) => [part.file, part.error]),
    )
    assert.match(String(errors.get('status.json')), /ENOENT/)
    for (const whole of [
      'versions.json',
      'machine.json',
      'config.json',
      'doctor.json',
      'files.json',
    ])
      assert.equal(errors.get(whole), undefined, whole)
  })

  it('does not wait for a daemon that hangs', async () => {
    await using place = await makeFolder()
    const socket = join(place.path, 'api.sock')
    const hung = createServer(() => {}).listen(socket)
    await once(hung, 'listening')
    try {
      const args = [
        '--data-dir',
        place.path,
        '--socket',
        socket,
        '--out',
        join(place.path, 'r'),
        '--json',
      ]
      const { code, stdout, stderr } = await plexd(args)
      assert.equal(code, 0, stderr)
      const [status] = JSON.parse(stdout).parts.filter(
        ({ file }: { file: string }) => file === 'status.json',
      )
      assert.match(status.error, /5 s/)
    } finally {
      hung.close()
    }
  })

  it('is made with broken settings too, and says what is in it', async () => {
    await using place = await makeFolder()
    const config = join(place.path, 'config.yaml')
    const [password, query] = [canary('password'), canary('query')]
    await writeFile(config, `observe: { scrape: ["http://u:${password}@127.0.0.1/?q=${query}"] }`)
    const out = join(place.path, 'r.tar.gz')
    const env = { PLEXD_CONFIG: config }
    const { code, stdout, stderr } = await plexd(['--data-dir', place.path, '--out', out], env)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /r\.tar\.gz: \d+ bytes\n/)
    assert.match(stdout, /config\.json +MISSING: config .*observe\.scrape/)
    assert.match(stdout, /note: the settings cannot be read: config /)
    assert.ok(!stdout.includes(password) && !stdout.includes(query), stdout)
    assert.match(stdout, /Look before you send it: tar -xzOf .*r\.tar\.gz \| less\n$/)
    const again = await plexd(['--data-dir', place.path, '--out', out], env)
    assert.equal(again.code, 2)
    assert.match(again.stderr, /there is a file of that name/)
    const wrong = await plexd(['--since', 'yesterday', '--out', out])
    assert.match(wrong.stderr, /--since "yesterday": /)
  })

  it('goes to stdout, for a machine whose disk is full', async () => {
    await using place = await makeFolder()
    const { code, stdout, stderr } = await plexd(['--data-dir', place.path, '--out', '-'])
    assert.equal(code, 0, stderr)
    const names = execFileSync('tar', ['-tz'], { input: Buffer.from(stdout, 'latin1') }).toString()
    assert.match(names, /^plexd-bugreport-.*\/versions\.json\n[\s\S]*\/manifest\.json\n$/)
    assert.match(stderr, /^stdout\n {2}versions\.json /)
    const full = await plexd(['--data-dir', place.path, '--out', '/dev/full/x'])
    assert.match(full.stderr, /write bundle to ".*full": ENOTDIR: /)
  })
})

/** A node with a secret in each place that has one. */
async function plant(folder: string) {
  const secrets: Record<string, string> = {}
  const put = (name: string, secret = canary(name)): string => {
    secrets[name] = secret
    return secret
  }
  const dataDir = join(folder, 'data')
  await mkdir(join(dataDir, 'state'), { recursive: true })
  await saveIdentity(dataDir, {
    node_id: 'n_01JNZ8T5Q3W9X2V4B6C8D0E1F2',
    mesh_ip: '10.100.0.7',
    hostname: 'web',
    private_key: put('private key', key()),
    node_secret_key: put('node secret key', key()),
    node_token: put('node token', `plx_node_${canary('node')}`),
    signing_public_key: key(),
  } as never)
  await writeFile(join(dataDir, 'state', 'data'), put('entry'))
  const files: Record<string, string> = {
    token: put('token file'),
    join: formatJoin({
      url: 'https://cp.example.com',
      token: put('join', `plx_enroll_${canary('join')}`),
    }),
    'http-token': put('http token'),
    hook: `#!/bin/sh\nPASSWORD=${put('hook')}\n`,
    'hook.json': JSON.stringify({ description: put('hook declaration') }),
  }
  await mkdir(join(folder, 'hooks'))
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name.startsWith('hook') ? 'hooks' : '.', name)
    await writeFile(path, content, { mode: 0o600 })
    if (name === 'hook') await chmod(path, 0o700)
  }
  const config = {
    api: 'https://127.0.0.1:9',
    token: { value: put('token value'), file: join(folder, 'token') },
    join_file: join(folder, 'join'),
    metadata: { owner: put('label') },
    node_api: { http: { token_file: join(folder, 'http-token') } },
    hooks: {
      dir: join(folder, 'hooks'),
      definitions: [
        {
          name: 'x',
          environment: { ANY: put('hook environment') },
          description: put('definition'),
        },
      ],
    },
    surprise: { password: put('unknown key') },
  }
  await writeFile(join(folder, 'config.yaml'), JSON.stringify(config), { mode: 0o600 })
  const env = {
    HTTPS_PROXY: `http://user:${put('proxy')}@127.0.0.1:3128`,
    PLEXD_BOOTSTRAP_TOKEN: put('bootstrap token'),
    SOME_SECRET: put('environment'),
  }
  const args = [
    ...['--config', join(folder, 'config.yaml'), '--data-dir', dataDir],
    ...['--socket', join(folder, 'none.sock'), '--out', join(folder, 'report.tar.gz'), '--json'],
  ]
  return { env, args, secrets }
}

async function readAll(folder: string, bundle: string): Promise<string> {
  const [root = ''] = (await readdir(folder)).filter((name) => name.startsWith('plexd-bugreport-'))
  const entries = await readdir(join(folder, root), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  assert.ok(files.length > 15, `${bundle} has ${files.length} files`)
  return files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')).join('\n')
}

async function plexd(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [main, 'bugreport', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...env },
  })
  const exited = once(child, 'exit')
  const [stdout, stderr] = await Promise.all([
    text(child.stdout.setEncoding('latin1')),
    text(child.stderr),
  ])
  return { code: (await exited)[0], stdout, stderr }
}
