import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, describe, it } from 'node:test'
import { serve } from '@plexd/runtime/testing'
import { newKey } from '../../scripts/build/release-key.ts'
import { type Output, runToEnd } from '../../scripts/programs/program.ts'
import { changedFiles } from '../support/changed-files.ts'
import { createRandom } from '../support/random.ts'
import { createRelease, type SmallRelease } from './support/release.ts'

const seed = Number(process.env.PLEXD_INSTALL_SEED ?? Date.now() % 1_000_000)
/** Of each file, in each of its regions. */
const changes = process.env.PLEXD_INSTALL === 'all' ? 64 : 2

const isRoot = process.getuid?.() === 0
const skip = isRoot && process.arch === 'x64' ? false : 'needs root, and amd64'

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(65_536)
}

describe(`install.sh, with bytes drawn with ${seed}`, { skip }, () => {
  let folder = ''
  let release: SmallRelease
  let root = ''

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    release = await createRelease(join(folder, 'release'))
    root = join(folder, 'root')
    await mkdir(join(root, 'var/lib/dpkg/updates'), { recursive: true })
    await mkdir(join(root, 'var/lib/dpkg/info'), { recursive: true })
    await mkdir(join(root, 'etc/systemd/system'), { recursive: true })
    await writeFile(join(root, 'var/lib/dpkg/status'), '')
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const install = (...args: string[]): Promise<Output> =>
    runToEnd('sh', [release.installer, '--root', root, ...args])
  async function everything(): Promise<string[]> {
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    const lines = entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name)
      return `${path} ${entry.isFile() ? hash('sha256', await readFile(path)) : ''}`
    })
    return (await Promise.all(lines)).sort()
  }

  it('installs the package, after it has verified it, and says what it did', async () => {
    const { code, stderr } = await install('--from', release.folder, '--as', 'deb')

    assert.equal(code, 0, stderr)
    assert.match(
      stderr,
      /SHA256SUMS: its signature is valid\n.*\.deb: its checksum is the signed one\n.*dpkg .*--install/,
    )
    assert.match(stderr, /next, to make this machine a node, as root: plexd setup\n$/)
    assert.deepEqual(
      await readFile(join(root, 'usr/bin/plexd')),
      await readFile(join(release.folder, 'plexd')),
    )
  })

  it('installs the program where the build has no package for the system, and removes it', async () => {
    await writeFile(join(root, 'etc/os-release'), 'ID=arch\n')
    const { code, stderr } = await install('--from', release.folder)

    assert.equal(code, 0, stderr)
    const program = join(root, 'usr/local/bin/plexd')
    assert.deepEqual(await readFile(program), await readFile(join(release.folder, 'plexd')))

    const removed = await install('--uninstall')
    assert.equal(removed.code, 0, removed.stderr)
    assert.equal(existsSync(program), false)
    const again = await install('--uninstall')
    assert.equal(again.code, 1)
    assert.match(again.stderr, /uninstall plexd: it is not installed here/)
  })

  it('installs plexctl beside the control plane, as the package does', async () => {
    const as = ['--control-plane', '--as', 'program']
    const { code, stderr } = await install('--from', release.folder, ...as)
    assert.equal(code, 0, stderr)
    const dry = await install('--from', release.folder, ...as, '--dry-run')
    assert.match(dry.stderr, /\ninstall\.sh: nothing was changed\n$/)
    const names = await readdir(join(root, 'usr/local/bin'))
    assert.deepEqual(names.sort(), ['plexctl', 'plexd-control-plane'])
    await install('--uninstall', ...as)
    assert.deepEqual(await readdir(join(root, 'usr/local/bin')), [])
  })

  it('goes back to an older program only when that is asked for', async () => {
    const as = ['--as', 'program', '--from']
    const [older, newer] = [join(folder, 'older'), join(folder, 'newer')]
    const versions = ['1.0.0-rc.1', '1.0.0', '1.10.0'] as const
    for (const [at, version] of versions.entries()) {
      await createRelease(older, versions[at - 1] ?? '0.9.9')
      await createRelease(newer, version)
      const key = ['--release-key', join(newer, 'release.pub')]
      assert.equal((await install(...as, newer, ...key)).code, 0, version)
      assert.equal((await install(...as, newer, ...key)).code, 0, `${version} once more`)
      await refuses(/install plexd .*: .* is here, which is newer: to go back, give --version/, [
        ...as,
        older,
        '--release-key',
        join(older, 'release.pub'),
      ])
    }
    const back = ['--version', '1.0.0', '--release-key', join(older, 'release.pub')]
    assert.equal((await install(...as, older, ...back)).code, 0)
    await install('--uninstall')
  })

  it('refuses what a server has that is broken, or hostile, and does not fill the disk', async () => {
    const page = '<html>Please log in</html>'
    for (const [why, answer] of [
      [/not signed by a trusted key/, (response) => response.end(page)],
      [/download ".*SHA256SUMS": see above/, (response) => response.writeHead(404).end(page)],
      [
        /download ".*SHA256SUMS": see above/,
        (response) => void response.write(page, () => response.destroy()),
      ],
      [
        /download ".*SHA256SUMS": see above/,
        (response) => response.writeHead(302, { location: 'http://example.com/' }).end(),
      ],
      [
        /download ".*SHA256SUMS": see above/,
        (response) => void pipeline(Readable.from(endless()), response).catch(() => undefined),
      ],
    ] as [RegExp, (response: ServerResponse) => void][]) {
      await using server = await serve((_request, response) => answer(response))
      await refuses(why, ['--as', 'deb', '--from', server.url])
    }
  })

  it('changes nothing when it is only asked what it would do', async () => {
    const before = await everything()
    const flags = ['--from', release.folder, '--as', 'program', '--dry-run', '--join']
    const { code, stderr } = await runToEnd('sh', [release.installer, ...flags])

    assert.equal(code, 0, stderr)
    assert.match(stderr, /would run: mv -f .*\n/)
    assert.match(stderr, /would run: plexd setup\n$/)
    assert.deepEqual(await everything(), before)
  })

  it('refuses a file in which any byte is another, and has done nothing then', async () => {
    const before = await everything()
    const random = createRandom(seed)
    const copy = join(folder, 'copy')
    await cp(release.folder, copy, { recursive: true })
    for (const [name, as] of [
      ['SHA256SUMS', 'deb'],
      ['SHA256SUMS.sig', 'deb'],
      [release.deb, 'deb'],
      ['plexd', 'program'],
    ] as const) {
      const good = await readFile(join(release.folder, name))
      for (const [what, bad] of changedFiles(good, random, changes)) {
        await writeFile(join(copy, name), bad)
        const { code, stderr } = await install('--from', copy, '--as', as)
        assert.equal(code, 1, `${name}, ${what}, seed ${seed}: ${stderr}`)
        assert.match(stderr, /nothing was installed/)
      }
      await writeFile(join(copy, name), good)
    }
    assert.deepEqual(await everything(), before)
  })

  it('refuses what is cut off, has grown, is missing, or signed by another key', async () => {
    const copy = join(folder, 'cut')
    await cp(release.folder, copy, { recursive: true })
    const good = await readFile(join(copy, release.deb))
    for (const bad of [good.subarray(0, -1), Buffer.concat([good, good]), Buffer.alloc(0)]) {
      await writeFile(join(copy, release.deb), bad)
      await refusesDeb(/it was changed or is not whole; nothing was installed/, '--from', copy)
    }
    await rm(join(copy, release.deb))
    await refusesDeb(/read ".*\.deb": no such file/, '--from', copy)
    await rm(join(copy, 'SHA256SUMS.sig'))
    await refusesDeb(/read ".*SHA256SUMS.sig": no such file/, '--from', copy)

    const other = join(folder, 'other.pub')
    await writeFile(other, newKey().publicPem)
    const key = ['--from', release.folder, '--release-key']
    await refusesDeb(/not signed by a trusted key/, ...key, other)
    await writeFile(other, `${newKey().publicPem}${await readFile(join(copy, 'release.pub'))}`)
    assert.equal((await install(...key, other, '--as', 'deb', '--dry-run')).code, 0)
  })

  it('refuses another version, another machine, and options that mean nothing', async () => {
    const from = ['--from', release.folder]
    await refusesDeb(/has no plexd 2.0.0 as deb for amd64/, ...from, '--version', '2.0.0')
    await refusesDeb(/has no plexd 1.0 as deb/, ...from, '--version', '1.0')
    await refusesDeb(/has no plexd-control-plane as deb/, ...from, '--control-plane')
    await misuses(/--from "ftp:\/\/example.com": want https/, '--from', 'ftp://example.com')
    await misuses(/--from "http:\/\/example.com": want https/, '--from', 'http://example.com')
    await misuses(/--from "\/nowhere": no such folder/, '--from', '/nowhere')
    await misuses(/"--force": no such option/, '--force')
    await misuses(/--from: want a value/, '--from')
    await misuses(/where from: give --from URL/)
    const join = 'plexd-join-1.eyJ1.00000000'
    const { stderr } = await misuses(/a join string is not an argument/, join)
    assert.ok(!stderr.includes(join))
  })

  it('trusts nobody as long as no build has put its key into it', async () => {
    const source = new URL('../../deploy/install/install.sh', import.meta.url).pathname
    const { code, stderr } = await runToEnd('sh', [source, '--from', release.folder, '--dry-run'])
    assert.equal(code, 2)
    assert.match(stderr, /no key of a build is known here: give --release-key FILE/)
  })

  const refusesDeb = (why: RegExp, ...args: string[]): Promise<void> =>
    refuses(why, ['--as', 'deb', ...args])

  async function refuses(why: RegExp, args: readonly string[]): Promise<void> {
    const before = await everything()
    const { code, stderr } = await install(...args)
    assert.equal(code, 1, stderr)
    assert.match(stderr, why)
    assert.deepEqual(await everything(), before)
  }

  async function misuses(why: RegExp, ...args: string[]): Promise<Output> {
    const output = await install(...args)
    assert.equal(output.code, 2, output.stderr)
    assert.match(output.stderr, why)
    return output
  }
})
