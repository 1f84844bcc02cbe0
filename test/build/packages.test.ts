import assert from 'node:assert/strict'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { nodePackage } from '../../scripts/build/node-package.ts'
import { nodeNeeds } from '../../scripts/build/packages/package-row.ts'
import { packageKinds } from '../../scripts/build/packages.ts'
import { root } from '../../scripts/programs/build.ts'
import { runProgram, runToEnd } from '../../scripts/programs/program.ts'
import { makeFolder } from './support/make-folder.ts'

const completions = (name: string): string[] => [
  `/usr/share/bash-completion/completions/${name}`,
  `/usr/share/fish/vendor_completions.d/${name}.fish`,
  `/usr/share/zsh/vendor-completions/_${name}`,
]
const documents = (name: string): string[] =>
  ['changelog.gz', 'copyright', 'licences.gz'].map((file) => `/usr/share/doc/${name}/${file}`)

/** All that is installed, without the folders that other packages have as well. */
const wanted = {
  plexd: [
    '/etc/plexd/',
    '/etc/plexd/config.yaml',
    '/etc/plexd/hooks.d/',
    '/usr/bin/plexd',
    '/usr/lib/systemd/system/plexd-wireguard@.service',
    '/usr/lib/systemd/system/plexd.service',
    '/usr/lib/sysusers.d/plexd.conf',
    '/usr/lib/tmpfiles.d/plexd.conf',
    '/usr/share/man/man8/plexd.8.gz',
    ...completions('plexd'),
    ...documents('plexd'),
  ].sort(),
  'plexd-control-plane': [
    '/etc/plexd/',
    '/etc/plexd/control-plane.yaml',
    '/usr/bin/plexctl',
    '/usr/bin/plexd-control-plane',
    '/usr/lib/systemd/system/plexd-control-plane.service',
    '/usr/lib/sysusers.d/plexd-control-plane.conf',
    '/usr/share/man/man1/plexctl.1.gz',
    '/usr/share/man/man8/plexd-control-plane.8.gz',
    ...completions('plexd-control-plane'),
    ...completions('plexctl'),
    ...documents('plexd-control-plane'),
  ].sort(),
}
const isOurs =
  (name: keyof typeof wanted) =>
  (path: string): boolean =>
    wanted[name].includes(path) || !path.endsWith('/')
const names = Object.keys(wanted) as (keyof typeof wanted)[] // its keys

describe('the packages', () => {
  let folder: string
  const inFolder = (name: string): string => join(folder, name)
  const unpacked = (path: string): string => join(folder, 'unpacked', path)
  const output = async (...command: [string, ...string[]]): Promise<string> => {
    const { code, stdout, stderr } = await runToEnd(command[0], command.slice(1))
    assert.equal(code, 0, `${command.join(' ')}: ${stderr}`)
    return stdout
  }

  before(async () => {
    folder = await makeFolder()
    // Small ones: nothing looks into them, and single files take a minute.
    await writeFile(inFolder('program'), '#!/bin/sh\n', { mode: 0o755 })
    await make('amd64', folder)
    for (const name of names)
      await output('dpkg-deb', '-x', inFolder(`${name}_1.5.0~rc.1_amd64.deb`), inFolder('unpacked'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  async function make(arch: 'amd64' | 'arm64', out: string): Promise<string[]> {
    const program = inFolder('program')
    const programs = { plexd: program, plexctl: program, 'control-plane': program }
    const parts = { version: '1.5.0-rc.1', licences: 'text', epochSeconds: 1_764_201_600 }
    const made: string[] = []
    for (const kind of packageKinds) made.push(await kind.make({ ...parts, programs, arch, out }))
    return made
  }

  it('have the same files as deb and as rpm, of root, and nothing else', async () => {
    for (const name of names) {
      const deb = await output('dpkg-deb', '-c', inFolder(`${name}_1.5.0~rc.1_amd64.deb`))
      const lines = deb.trim().split('\n')
      assert.deepEqual(
        lines.filter((line) => !/^(-rw-r--r--|[-d]rwxr-xr-x) root\/root /.test(line)),
        [],
      )
      const paths = lines.map((line) => line.replace(/^.* \./, ''))
      assert.deepEqual(paths.filter(isOurs(name)), wanted[name])
      const query = ['-qp', '--qf', '[%{FILEMODES:perms} %{FILENAMES}\\n]']
      const rpm = await output('rpm', ...query, inFolder(`${name}-1.5.0~rc.1-1.x86_64.rpm`))
      const files = rpm
        .trim()
        .split('\n')
        .map((line) =>
          line.replace(/^(.)\S+ (.*)$/, (_, type, path) => path + (type === 'd' ? '/' : '')),
        )
      assert.deepEqual(files.filter(isOurs(name)).sort(), wanted[name])
    }
  })

  it('keep what an operator has changed, and sort a version on trial before its release', async () => {
    const conffiles = await output(
      'dpkg-deb',
      '-I',
      inFolder('plexd_1.5.0~rc.1_amd64.deb'),
      'conffiles',
    )
    assert.equal(conffiles, '/etc/plexd/config.yaml\n')
    const configs = await output('rpm', '-qpc', inFolder('plexd-1.5.0~rc.1-1.x86_64.rpm'))
    assert.equal(configs, '/etc/plexd/config.yaml\n')
    await output('dpkg', '--compare-versions', '1.5.0~rc.1', 'lt', '1.5.0')
  })

  it('do nothing by the scripts of the rpm that an upgrade takes away, which come last', async () => {
    for (const name of names)
      for (const script of ['PREUN', 'POSTUN']) {
        const file = inFolder(`${name}-1.5.0~rc.1-1.x86_64.rpm`)
        const text = await output('rpm', '-qp', '--qf', `%{${script}}`, file)
        const { stderr } = await runToEnd('sh', ['-xc', text, 'sh', '1'])
        assert.equal(stderr, '+ set -e\n+ [ 1 = 0 ]\n')
        // What rpm would take for macros.
        assert.match(text, /stat -Lc %d:%i /)
      }
  })

  it('are the same bytes each time, and there for another architecture', async () => {
    await mkdir(inFolder('again'))
    for (const file of await make('amd64', inFolder('again')))
      await output('cmp', inFolder(file), join(inFolder('again'), file))
    const [deb = '', rpm = ''] = await make('arm64', inFolder('again'))
    assert.equal(
      await output('dpkg-deb', '-f', join(inFolder('again'), deb), 'Architecture'),
      'arm64\n',
    )
    assert.equal(
      await output('rpm', '-qp', '--qf', '%{ARCH}', join(inFolder('again'), rpm)),
      'aarch64',
    )
  })

  it('want the libraries that Node.js wants', async () => {
    const { folder: node } = await nodePackage('amd64')
    const text = await output('readelf', '-dV', join(node, 'bin/node'))
    const libraries = [...text.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name)
    const known = /^(ld-linux-x86-64|lib(atomic|stdc\+\+|gcc_s|c|m|dl|pthread))\.so\.\d+$/
    assert.deepEqual(
      libraries.filter((name) => !known.test(name ?? '')),
      [],
    )
    const minors = [...text.matchAll(/\bGLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor))
    assert.ok(nodeNeeds.some(({ deb }) => deb === `libc6 (>= 2.${Math.max(...minors)})`))
  })

  it('have settings that are all known, with the defaults that they name', async () => {
    for (const [program, file] of [
      ['plexd', 'config.yaml'],
      ['control-plane', 'control-plane.yaml'],
    ] as const) {
      const text = await readFile(unpacked(`etc/plexd/${file}`), 'utf8')
      assert.doesNotMatch(text, /^[^#\n]/m)
      await writeFile(inFolder(file), text.replace(/^#((?: {2})*[a-z_]+:)/gm, '$1'))
      const { code, stdout, stderr } = await runProgram(program, [
        'config',
        'check',
        inFolder(file),
      ])
      assert.equal(code, 0, stdout + stderr)
      assert.match(stdout, /nothing is wrong/)
    }
  })

  it('have manual pages without a fault, and completions that the shells read', async () => {
    for (const page of ['man8/plexd.8', 'man8/plexd-control-plane.8', 'man1/plexctl.1']) {
      const packed = await readFile(unpacked(`usr/share/man/${page}.gz`))
      await writeFile(inFolder('page'), gunzipSync(packed))
      assert.equal(await output('mandoc', '-Tlint', inFolder('page')), '')
    }
    for (const name of ['plexd', 'plexctl', 'plexd-control-plane'])
      await output('bash', '-n', unpacked(`usr/share/bash-completion/completions/${name}`))
  })

  it('have units that systemd understands, and that are no more exposed than we say', async (t) => {
    const units = join(root, 'deploy/packages')
    const { code } = await runToEnd('systemd-analyze', ['--version'])
    if (code !== 0) return void t.skip('systemd-analyze is not installed')
    await mkdir(inFolder('units'))
    for (const [unit, score] of [
      ['plexd/plexd.service', 9.6],
      ['plexd/plexd-wireguard@.service', 2.2],
      ['plexd-control-plane/plexd-control-plane.service', 1.3],
    ] as const) {
      // The programs and pages are not installed here.
      const text = (await readFile(join(units, unit), 'utf8')).replace(/^Documentation=.*\n/m, '')
      const copy = join(inFolder('units'), unit.replace(/^.*\//, '').replace('@', '@plexd0'))
      await writeFile(copy, text.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'))
      assert.equal((await runToEnd('systemd-analyze', ['verify', copy])).stderr, '')
      const exposure = ['security', '--offline=true', `--threshold=${score * 10}`, '--no-pager']
      const { code, stdout } = await runToEnd('systemd-analyze', [...exposure, copy])
      assert.equal(code, 0, stdout)
    }
  })
})
