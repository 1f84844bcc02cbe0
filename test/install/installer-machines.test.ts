import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { serve } from '@plexd/runtime/testing'
import { type Output, runToEnd } from '../../scripts/programs/program.ts'
import { createRelease, type SmallRelease } from './support/release.ts'

const isRoot = process.getuid?.() === 0
const skip = isRoot && process.arch === 'x64' ? false : 'needs root, and amd64'
const hasBusybox = spawnSync('busybox', ['true']).status === 0

describe('install.sh on machines that are not as usual', { skip }, () => {
  let folder = ''
  let release: SmallRelease
  let root = ''
  let bin = ''

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    release = await createRelease(join(folder, 'release'))
  })
  after(() => rm(folder, { recursive: true, force: true }))
  beforeEach(async () => {
    root = await mkdtemp(join(folder, 'root-'))
    bin = join(root, 'usr/local/bin')
    await mkdir(join(root, 'etc/systemd/system'), { recursive: true })
  })

  /** With a shell that runs `before` first. */
  const install = (before: string, ...args: string[]): Promise<Output> => {
    const all = ['--root', root, '--as', 'program', '--from', release.folder, ...args]
    const script = `${before}\nexec sh "$0" "$@"`
    return runToEnd('sh', ['-c', script, release.installer, ...all])
  }
  const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

  it('makes what every user needs readable to every user, whatever the umask', async () => {
    const { code, stderr } = await install('umask 077')

    assert.equal(code, 0, stderr)
    for (const path of [join(root, 'usr'), bin, join(bin, 'plexd')])
      assert.equal(await modeOf(path), 0o755, path)
    assert.equal(await modeOf(join(root, 'etc/systemd/system/plexd.service')), 0o644)
  })

  it('works in another folder where /tmp is missing, odd, or lets no program run', async () => {
    const odd = join(folder, 'an odd\\n place')
    await mkdir(odd)
    const mounted = join(folder, 'mounted')
    await mkdir(mounted)
    for (const before of [
      'export TMPDIR=/nowhere',
      `export TMPDIR='${odd}'`,
      `cd '${folder}'; export TMPDIR=mounted`,
    ]) {
      const { code, stderr } = await install(before)
      assert.equal(code, 0, `${before}: ${stderr}`)
    }
    const mount = `mount -t tmpfs -o noexec,size=1m none '${mounted}' && export TMPDIR='${mounted}'`
    const all = [release.installer, '--root', root, '--as', 'program', '--from', release.folder]
    const script = `${mount} && sh "$0" "$@"`
    const noexec = await runToEnd('unshare', ['--mount', 'sh', '-c', script, ...all])
    assert.equal(noexec.code, 0, noexec.stderr)
    assert.deepEqual([await readdir(odd), await readdir(mounted)], [[], []])
  })

  it('does not put the program into a folder of its name, and says so', async () => {
    await mkdir(join(root, 'elsewhere'))
    await mkdir(bin, { recursive: true })
    await symlink('../../../elsewhere', join(bin, 'plexd'))
    const { code, stderr } = await install('')

    assert.equal(code, 1, stderr)
    assert.match(
      stderr,
      /install ".*\/plexd": a folder is there, or a link to one: move it away; nothing was installed/,
    )
    assert.deepEqual(await readdir(join(root, 'elsewhere')), [])
  })

  it('replaces a link to a program, not the program', async () => {
    const other = join(root, 'other')
    await writeFile(other, '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    await mkdir(bin, { recursive: true })
    await symlink(other, join(bin, 'plexd'))

    assert.equal((await install('')).code, 0)
    assert.equal((await stat(other)).size, 17)
    assert.notEqual((await stat(join(bin, 'plexd'))).size, 17)
  })

  it('leaves a unit masked', async () => {
    const unit = join(root, 'etc/systemd/system/plexd.service')
    await symlink('/dev/null', unit)
    const { code, stderr } = await install('')

    assert.equal(code, 0, stderr)
    assert.match(stderr, /plexd.service is masked, and stays so/)
    assert.ok((await stat(unit)).isCharacterDevice())
  })

  it('takes for a version only what is one', async () => {
    for (const version of ['v1.0.0', 'latest', '../x', '1 .0', '[0-9', '1|.*', '1\n2']) {
      const { code, stderr } = await install('', '--as', 'deb', '--version', version)
      assert.equal(code, 2, stderr)
      assert.match(stderr, /--version "[^"]*": want one such as 1\.2\.3 or 1\.2\.3-rc\.1/)
    }
  })

  it('leaves nothing behind when it is interrupted', async () => {
    const asked = Promise.withResolvers<void>()
    await using server = await serve(() => asked.resolve())
    const work = await mkdtemp(join(folder, 'work-'))
    const child = spawn('sh', [release.installer, '--root', root, '--from', server.url], {
      detached: true, // a group of its own, all of which a terminal interrupts
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: work },
    })
    const ended = once(child, 'exit')
    await asked.promise
    process.kill(-(child.pid ?? assert.fail('it did not start')), 'SIGINT')

    assert.deepEqual((await ended).slice(0, 1), [130])
    assert.deepEqual(await readdir(work), [])
    assert.equal(existsSync(join(root, 'usr')), false)
  })

  it('gets along with BusyBox', { skip: hasBusybox ? false : 'needs busybox' }, async () => {
    const tools = await mkdtemp(join(folder, 'tools-'))
    const { stdout: names } = await runToEnd('busybox', ['--list'])
    const found = async (name: string): Promise<string> =>
      (await runToEnd('sh', ['-c', `command -v ${name}`])).stdout.trim()
    const busybox = await found('busybox')
    for (const name of names.split('\n').filter(Boolean)) await symlink(busybox, join(tools, name))
    await symlink(await found('openssl'), join(tools, 'openssl'))
    await writeFile(join(root, 'etc/os-release'), 'ID=alpine\n')
    await using server = await serve(({ url = '' }, response) => {
      createReadStream(join(release.folder, url)).pipe(response)
    })
    const args = [release.installer, '--root', root, '--from', server.url]
    const clean = ['-i', `PATH=${tools}`, busybox, 'sh', ...args]
    const { code, stderr } = await runToEnd('env', clean)

    assert.equal(code, 0, stderr)
    assert.ok(existsSync(join(bin, 'plexd')))
  })
})
