import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { inMergedFolder, keepOf } from '../../scripts/build/images/base-layer.ts'
import { wantedOf } from '../../scripts/build/images/debian.ts'
import { makeImage, tagOf } from '../../scripts/build/images/image.ts'
import { type LayerEntry, withFolders } from '../../scripts/build/images/layer.ts'
import { ownLayer } from '../../scripts/build/images/own-layer.ts'
import { imageRows } from '../../scripts/build/images/rows.ts'
import { stagingFolder } from '../../scripts/build/packages/staging.ts'
import { missingPrograms } from '../../scripts/laboratory/requirements.ts'
import { runToEnd } from '../../scripts/programs/program.ts'

const rowOf = (name: string) => imageRows.find((row) => row.name === name) ?? assert.fail(name)
const aFile = (path: string): LayerEntry => ({ path, kind: 'file', mode: 0o644 })

describe('what an image has of a package', () => {
  it('is its libraries, licences, and the programs that are named', () => {
    const keeps = keepOf(['ip'], 'arm64')
    const kept = [
      'usr/bin/ip',
      'usr/lib/aarch64-linux-gnu/libmnl.so.0',
      'usr/lib/ld-linux-aarch64.so.1',
      'usr/share/doc/iproute2/copyright',
      'etc/os-release',
    ]
    const left = [
      'usr/sbin/tc',
      'usr/lib/x86_64-linux-gnu/libmnl.so.0',
      'usr/lib/aarch64-linux-gnu/gconv/UTF-7.so',
      'usr/share/man/man8/ip.8.gz',
      'etc/init.d/x',
    ]
    assert.deepEqual([...kept, ...left].filter(keeps), kept)
  })

  it('lies where a merged /usr has it', () => {
    assert.equal(inMergedFolder('./lib64/ld-linux-x86-64.so.2'), 'usr/lib64/ld-linux-x86-64.so.2')
    assert.equal(inMergedFolder('./usr/bin/'), 'usr/bin')
    assert.equal(inMergedFolder('./library/x'), 'library/x')
  })
})

describe('what apt says of packages', () => {
  it('has a file and a checksum for each', () => {
    const hex = 'a'.repeat(64)
    const line = `'http://deb.debian.org/x.deb' libedit2_3.1-2_amd64.deb 92992 SHA256:${hex}`
    assert.deepEqual(wantedOf(`Get:1\n${line}\n`), [
      { name: 'libedit2', file: 'libedit2_3.1-2_amd64.deb', checksum: `sha256:${hex}` },
    ])
  })
})

describe('the entries of a layer', () => {
  it('come in one order, after the folders that they are in', () => {
    const paths = withFolders([aFile('b/c/d'), aFile('a')]).map(({ path }) => path)
    assert.deepEqual(paths, ['a', 'b', 'b/c', 'b/c/d'])
  })

  it('are refused when two have one path', () => {
    assert.throws(() => withFolders([aFile('a'), aFile('a')]), /put "a" into an image: .* twice/)
  })
})

describe('an image', { skip: missingPrograms('umoci', 'oci-image-tool') }, () => {
  it('is one of OCI, says who runs what, and is the same bytes each time', async () => {
    await using folder = await stagingFolder()
    const row = rowOf('plexd-control-plane')
    const program = join(import.meta.dirname, 'images.test.ts')
    const programs = { plexd: program, plexctl: program, 'control-plane': program }
    const layers = [{ title: 'ours', entries: ownLayer(row, { programs, licences: 'text' }) }]
    const facts = {
      version: '1.5.0-rc.1+2',
      arch: 'arm64' as const,
      epochSeconds: 1_764_201_600,
      revision: 'abc',
      source: 'https://git.example.com/plexd',
    }
    const make = async (name: string): Promise<string> => {
      const out = join(folder.path, name)
      await mkdir(out)
      return join(out, await makeImage(row, layers, { ...facts, out }))
    }
    const [file, again] = [await make('one'), await make('two')]
    assert.match(file, /\/plexd-control-plane_1\.5\.0-rc\.1\+2_arm64\.oci\.tar$/)
    assert.equal((await runToEnd('cmp', [file, again])).code, 0)

    const layout = join(folder.path, 'layout')
    await mkdir(layout)
    await runToEnd('tar', ['-xf', file, '-C', layout])
    const checked = await runToEnd('oci-image-tool', ['validate', '--type', 'image', layout])
    assert.equal(checked.code, 0, checked.stderr)
    const index = await readJson(join(layout, 'index.json'))
    const manifest = await blobOf(layout, index.manifests[0].digest)
    const { config, architecture, created, history } = await blobOf(layout, manifest.config.digest)
    assert.deepEqual(
      [architecture, created, config.User, config.Entrypoint, config.Cmd],
      ['arm64', '2025-11-27T00:00:00Z', '10001:10001', ['/usr/bin/plexd-control-plane'], ['serve']],
    )
    assert.deepEqual(history, [{ created, created_by: 'ours' }])
    assert.deepEqual(config.Labels, manifest.annotations)
    assert.partialDeepStrictEqual(config.Labels, {
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.revision': 'abc',
      'org.opencontainers.image.source': 'https://git.example.com/plexd',
      'org.opencontainers.image.version': '1.5.0-rc.1+2',
    })
    assert.equal(
      index.manifests[0].annotations['org.opencontainers.image.ref.name'],
      `plexd-control-plane:${tagOf(facts.version)}`,
    )
  })

  const readJson = async (file: string) => JSON.parse(await readFile(file, 'utf8'))
  const blobOf = (layout: string, digest: string) =>
    readJson(join(layout, 'blobs', digest.replace(':', '/')))
})
