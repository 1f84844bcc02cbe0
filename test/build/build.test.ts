import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { goArch, releaseStatement } from '@plexd/protocol'
import { fileNames } from '../../scripts/build/single-file.ts'
import { sources } from '../../scripts/programs/build.ts'
import { runToEnd } from '../../scripts/programs/program.ts'
import { checkBill } from './support/check-bill.ts'
import { copyProject } from './support/copy-project.ts'
import { makeFolder } from './support/make-folder.ts'

const script = join(import.meta.dirname, '../../scripts/build.ts')
const version = '1.0.0'
const programs = Object.keys(sources) as (keyof typeof sources)[] // its keys

describe('./run build', () => {
  let folder: string
  const inFolder = (name: string): string => join(folder, name)
  const build = (...args: string[]) => runToEnd(process.execPath, [script, ...args])

  before(async () => {
    folder = await makeFolder()
    await build('--new-key', inFolder('key.pem'))
    const args = ['--version', version, '--sign-key', inFolder('key.pem'), '--no-packages']
    const { code, stderr } = await build(...args, '--out', folder)
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^build: plexd-control-plane for linux\/\w+: [\d.]+ MB, [\d.]+ s$/m)
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('makes three programs that run without Node.js, and take their code cache', async () => {
    for (const name of ['plexd', 'plexctl', 'plexd-control-plane']) {
      const help = await runToEnd(inFolder(name), ['version', '--help'], { PATH: '' })
      assert.deepEqual([help.code, help.stderr], [0, ''])
      assert.match(help.stdout, new RegExp(`^Usage: ${name} version`))
      const { stdout } = await runToEnd(inFolder(name), ['version', '--json'], { PATH: '' })
      assert.equal(JSON.parse(stdout).version, version)
    }
  })

  it('lists all files in sums that sha256sum checks and a signature that openssl verifies', async () => {
    const { stdout } = await runToEnd('sh', ['-c', `cd '${folder}' && sha256sum -c SHA256SUMS`])
    const names = [
      'install.sh',
      'licences.txt',
      'plexctl',
      'plexd',
      'plexd-control-plane',
      'plexd.sig',
    ]
    assert.equal(stdout, [...names, 'sbom.cdx.json'].map((name) => `${name}: OK\n`).join(''))
    await verify(inFolder('SHA256SUMS'), inFolder('SHA256SUMS.sig'))
  })

  it('signs plexd as the upgrade of one platform', async () => {
    const sums = await readFile(inFolder('SHA256SUMS'), 'utf8')
    const [, checksum = ''] = /^(\w+) {2}plexd$/m.exec(sums) ?? []
    const platform = { os: 'linux', arch: goArch(process.arch) }
    await writeFile(inFolder('line'), releaseStatement({ version, ...platform, checksum }))
    const signature = await readFile(inFolder('plexd.sig'), 'utf8')
    await writeFile(inFolder('line.sig'), Buffer.from(signature, 'base64'))
    await verify(inFolder('line'), inFolder('line.sig'))
  })

  it('says what is in the programs, in the form of CycloneDX, and under which licences', async () => {
    const bill = JSON.parse(await readFile(inFolder('sbom.cdx.json'), 'utf8'))
    checkBill(bill)
    const licences = await readFile(inFolder('licences.txt'), 'utf8')
    const texts: { name: string; group?: string; version: string; type: string }[] = bill.components
    for (const { name, group, version, type } of texts) {
      if (type !== 'library') continue
      const title = `${group === undefined ? '' : `${group}/`}${name} ${version}`
      assert.ok(licences.includes(`\n${title} (`), title)
    }
    assert.match(licences, /\nNode\.js 26\.[\d.]+, with what it contains \(/)
  })

  it('makes the same bytes in another folder', async () => {
    await using copy = await copyProject()
    const releaseKeys = [await readFile(inFolder('key.pem.pub'), 'utf8')]
    const isAll = process.env.PLEXD_BUILDS === 'all'
    for (const name of isAll ? programs : (['control-plane'] as const)) {
      const file = await copy.buildSingleFile(name, { version, releaseKeys })
      const { code } = await runToEnd('cmp', [file, inFolder(fileNames[name])])
      assert.equal(code, 0, `${name} differs: ${file}`)
    }
  })

  it('refuses what it cannot build with, before it builds', async () => {
    await writeFile(inFolder('no-key'), 'no key')
    for (const [args, why] of [
      [['--arch', 'riscv64'], /^build: build for "riscv64": .*want amd64 or arm64\n$/],
      [['--sign-key', inFolder('no-key')], /^build: read signing key ".*no-key": want an Ed25519/],
      [['--release-key', inFolder('missing')], /^build: read release key ".*missing": .*ENOENT/],
      [['--version', '../1'], /^build: build version "\.\.\/1": want one such as 1\.5\.0/],
      [['--source', 'here'], /^build: build with source "here": want a URL such as https:/],
      [['--colour'], /^build: Unknown option '--colour'/],
    ] as const) {
      const { code, stdout, stderr } = await build('--out', inFolder('none'), ...args)
      assert.deepEqual([code, stdout], [1, ''], stderr)
      assert.match(stderr, why)
    }
  })

  async function verify(file: string, signature: string): Promise<void> {
    const key = ['-verify', '-rawin', '-pubin', '-inkey', inFolder('key.pem.pub')]
    const files = ['-in', file, '-sigfile', signature]
    const { stdout, stderr } = await runToEnd('openssl', ['pkeyutl', ...key, ...files])
    assert.match(stdout, /Verified Successfully/, stderr)
  }
})
