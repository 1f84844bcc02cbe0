import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type BundledPackage, packageFolder } from '../../scripts/build/bundled-package.ts'
import { licences } from '../../scripts/build/licences.ts'
import { sbom } from '../../scripts/build/sbom.ts'
import { checkBill } from './support/check-bill.ts'
import { makeFolder } from './support/make-folder.ts'

const aPackage = (changes: Partial<BundledPackage> = {}): BundledPackage => ({
  name: '@some/thing',
  version: '1.2.3',
  licence: 'MIT',
  folder: '/nowhere',
  integrity: `sha512-${Buffer.alloc(64, 1).toString('base64')}`,
  ...changes,
})

describe('packageFolder', () => {
  it('is the innermost package of a file, and none of a file of ours', () => {
    assert.equal(packageFolder('node_modules/a/lib/x.js'), 'node_modules/a')
    assert.equal(
      packageFolder('node_modules/a/node_modules/@b/c/x.js'),
      'node_modules/a/node_modules/@b/c',
    )
    assert.equal(packageFolder('packages/agent/src/main.ts'), undefined)
    assert.equal(packageFolder('lazy-builtin:node:http'), undefined)
  })
})

describe('sbom', () => {
  const contents = {
    version: '1.5.0-rc.1',
    programs: { plexd: [aPackage()], plexctl: [aPackage(), aPackage({ licence: 'MIT OR ISC' })] },
    nodeVersions: { node: '26.10.0', openssl: '3.5.7+quic', modules: '147' },
  }

  it('has each package once, and says which program has it', () => {
    const bill = JSON.parse(sbom(contents))
    checkBill(bill)
    const purls = bill.components.map(({ purl }: { purl?: string }) => purl).filter(Boolean)
    assert.deepEqual(purls, ['pkg:github/nodejs/node@v26.10.0', 'pkg:npm/%40some/thing@1.2.3'])
    const of = (ref: string) =>
      bill.dependencies.find((one: { ref: string }) => one.ref === ref).dependsOn
    assert.deepEqual(of('plexd@1.5.0-rc.1'), ['node@26.10.0', 'pkg:npm/%40some/thing@1.2.3'])
    assert.deepEqual(of('plexd-suite@1.5.0-rc.1').length, 2)
  })

  it('has a number and a date that follow from what is built', () => {
    assert.equal(sbom(contents), sbom(contents))
    const other = sbom({ ...contents, version: '1.5.0' })
    assert.notEqual(JSON.parse(other).serialNumber, JSON.parse(sbom(contents)).serialNumber)
    assert.equal(JSON.parse(other).metadata.timestamp, undefined)
    const dated = JSON.parse(sbom({ ...contents, epochSeconds: 1_700_000_000 }))
    checkBill(dated)
    assert.equal(dated.metadata.timestamp, '2023-11-14T22:13:20.000Z')
  })
})

describe('licences', () => {
  it('names a package that has no licence text', async () => {
    const folder = await makeFolder()
    try {
      await writeFile(join(folder, 'NOTICE'), 'by somebody')
      const node = { folder, version: '26.10.0' }
      const missing = () => licences([aPackage({ folder })], node)
      assert.throws(missing, /collect the licence of Node\.js 26\.10\.0: there is no licence text/)
      await writeFile(join(folder, 'LICENSE'), 'do what you like\r\nwith it')
      const text = licences([aPackage({ folder })], node)
      assert.match(text, /\n@some\/thing 1\.2\.3 \(MIT\)\n=+\n\ndo what you like\nwith it\n/)
      const empty = { ...aPackage({ folder: import.meta.dirname }) }
      assert.throws(() => licences([empty], node), /collect the licence of @some\/thing 1\.2\.3: /)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
