import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { formatJoin, readJoin } from '@plexd/protocol'
import { exitCodes } from '@plexd/runtime'
import { type Output, runProgram, runToEnd } from '../../scripts/programs/program.ts'
import { openSystem } from '../support/open-system.ts'

describe('joining with a join string', () => {
  const system = openSystem()

  const newJoin = async (...flags: string[]): Promise<string> =>
    (await system.plexctl('token', 'create', '--join', ...flags)).stdout.trim()
  const joinAs = (name: string, flags: readonly string[], stdin = ''): Promise<Output> =>
    runProgram(
      'plexd',
      ['join', '--data-dir', join(system.folder, name), '--hostname', name, ...flags],
      {},
      stdin,
    )
  const isEnrolled = async (name: string): Promise<boolean> =>
    existsSync(join(system.folder, name, 'identity.json'))

  it('needs nothing else, and remembers the authority', async () => {
    const { code, stderr } = await joinAs('piped', [], `${await newJoin()}\n`)

    assert.equal(code, exitCodes.ok, stderr)
    const home = join(system.folder, 'piped')
    const settings = JSON.parse(await readFile(join(home, 'settings.json'), 'utf8'))
    assert.deepEqual(settings, { api: system.controlPlane.url, ca: true, insecure_http: false })
    assert.equal(
      (await readFile(join(home, 'control-plane-ca.crt'), 'utf8')).trim(),
      (await readFile(system.controlPlane.caFile, 'utf8')).trim(),
    )
    const { body } = await system.admin.getNode({ params: { node: 'piped' } })
    assert.equal(body.hostname, 'piped')
  })

  it('takes it from a file, which is gone afterwards, for the daemon too', async () => {
    const file = join(system.folder, 'join')
    await writeFile(file, await newJoin(), { mode: 0o600 })
    const { code, stderr } = await joinAs('filed', ['--join-file', file])
    assert.equal(code, exitCodes.ok, stderr)
    assert.equal(existsSync(file), false)

    await writeFile(file, await newJoin(), { mode: 0o644 })
    const open = await joinAs('open', ['--join-file', file])
    assert.equal(open.code, exitCodes.usage)
    assert.match(open.stderr, /chmod 600/)
  })

  it('does not take it from the command line, and says why', async () => {
    const { code, stderr } = await joinAs('typed', [await newJoin()])

    assert.equal(code, exitCodes.usage)
    assert.match(stderr, /every user of this machine sees what is on a command line/)
    assert.equal(await isEnrolled('typed'), false)
  })

  it('sends no token to who has another authority', async () => {
    await using impostor = await startImpostor(system.folder)
    const { token, ca = '' } = readJoin(await newJoin())
    const text = formatJoin({ url: impostor.url, token, ca })

    const { code, stderr } = await joinAs('lured', ['--join-file', '-'], text)

    assert.equal(code, exitCodes.denied, stderr)
    assert.match(stderr, /what answers at "https:.*" has the authority sha256:.*, and sha256:/)
    assert.match(stderr, /no token was sent/)
    assert.deepEqual(impostor.lines, ['GET /ca.crt'])
    assert.deepEqual(impostor.secrets, [])
    assert.equal(await isEnrolled('lured'), false)

    impostor.shows = impostor.shows.repeat(300)
    const many = await joinAs('lured', ['--join-file', '-'], text)
    assert.equal(many.stderr, stderr, 'each authority is named once')
  })

  it('sends no token to who shows the right authority, but is not signed by it', async () => {
    await using impostor = await startImpostor(system.folder)
    impostor.shows = await readFile(system.controlPlane.caFile, 'utf8')
    const { token, ca = '' } = readJoin(await newJoin())

    const { code, stderr } = await joinAs(
      'fooled',
      [],
      formatJoin({ url: impostor.url, token, ca }),
    )

    assert.notEqual(code, exitCodes.ok)
    assert.match(stderr, /is not signed by the CA in/)
    assert.deepEqual(impostor.lines, ['GET /ca.crt'])
    assert.deepEqual(impostor.secrets, [])
  })

  it('refuses one that is damaged, or for another control plane than the settings', async () => {
    const text = await newJoin()
    const damaged = await joinAs('damaged', [], text.slice(0, -3))
    assert.equal(damaged.code, exitCodes.usage)
    assert.match(damaged.stderr, /read join string: it is damaged or not whole: copy it again/)
    assert.ok(!damaged.stderr.includes(text.slice(20, 60)))

    const flags = ['--api', 'https://other.example.com', '--join-file', '-']
    const other = await joinAs('torn', flags, text)
    assert.equal(other.code, exitCodes.usage)
    assert.match(other.stderr, /and the settings say "https:\/\/other.example.com"/)
  })

  it('refuses one whose authority the next start would not know', async () => {
    const text = await newJoin()
    const { url, ca = '' } = readJoin(text)

    const { code, stderr } = await joinAs('halfway', ['--api', url, '--join-file', '-'], text)
    assert.equal(code, exitCodes.usage)
    assert.ok(stderr.includes(`add "ca_fingerprint: ${ca}"`), stderr)

    const both = ['--api', url, '--ca-fingerprint', ca, '--join-file', '-']
    const joined = await joinAs('halfway', both, text)
    assert.equal(joined.code, exitCodes.ok, joined.stderr)
  })

  it('works with a fingerprint in the settings, as openssl prints it', async () => {
    const { url, token, ca = '' } = readJoin(await newJoin())
    const file = join(system.folder, 'token')
    await writeFile(file, token, { mode: 0o600 })
    const printed = (ca.slice(7).toUpperCase().match(/../g) ?? []).join(':')

    const flags = ['--api', url, '--ca-fingerprint', printed, '--token-file', file]
    const { code, stderr } = await joinAs('pinned', flags)

    assert.equal(code, exitCodes.ok, stderr)
    assert.ok(existsSync(join(system.folder, 'pinned', 'control-plane-ca.crt')))

    const wrong = await joinAs('mistyped', [...flags.slice(0, 3), 'sha256:0a'])
    assert.equal(wrong.code, exitCodes.usage)
    assert.match(wrong.stderr, /CA fingerprint "sha256:0a": want sha256: and 64 hexadecimal digits/)
  })

  it('is made for an address that is given', async () => {
    assert.equal(
      readJoin(await newJoin('--url', 'https://cp.example.com/')).url,
      'https://cp.example.com',
    )
    const { code, stderr } = await system.plexctl('token', 'create', '--url', 'http://cp')
    assert.notEqual(code, exitCodes.ok)
    assert.match(stderr, /url "http:\/\/cp": want https:\/\/HOST\[:PORT\]/)
  })
})

interface Impostor extends AsyncDisposable {
  url: string
  /** What it answers to GET /ca.crt; its own certificate otherwise. */
  shows: string
  lines: string[]
  /** What else than a GET without credentials it was sent. */
  secrets: string[]
}

/** A server of HTTPS with a certificate of its own. */
async function startImpostor(folder: string): Promise<Impostor> {
  const key = join(folder, 'impostor.key')
  const certificate = join(folder, 'impostor.crt')
  const subject = ['-subj', '/CN=impostor', '-addext', 'subjectAltName=IP:127.0.0.1']
  const form = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const made = await runToEnd('openssl', [
    ...['req', '-x509', ...form, '-keyout', key, '-out', certificate, ...subject],
  ])
  assert.equal(made.code, 0, made.stderr)
  const cert = await readFile(certificate, 'utf8')
  const server = createServer({ key: await readFile(key, 'utf8'), cert }, (request, response) => {
    const { method, url, headers } = request
    impostor.lines.push(`${method} ${url}`)
    if (method !== 'GET' || headers.authorization !== undefined) impostor.secrets.push(`${url}`)
    response.end(impostor.shows)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const impostor: Impostor = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, // it listens on TCP
    shows: cert,
    lines: [],
    secrets: [],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return impostor
}
