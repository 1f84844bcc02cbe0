import { createHash } from 'node:crypto'
import { Enums, Models, Serialize, SPDX, Spec } from '@cyclonedx/cyclonedx-library'
import type { BundledPackage } from './bundled-package.ts'

/** What the bill is of. */
export interface Contents {
  version: string
  /** File names of programs, and the packages in each. */
  programs: Readonly<Record<string, readonly BundledPackage[]>>
  /** Of Node.js and what it contains, as `process.versions` has them. */
  nodeVersions: Readonly<Record<string, string>>
  /** In seconds since 1970, as SOURCE_DATE_EPOCH; without it the bill has no date. */
  epochSeconds?: number | undefined
}

/** A bill of materials as CycloneDX 1.6 in JSON: the same for the same contents, whenever and wherever it is made. */
export function sbom(contents: Contents): string {
  const bill = billOf(contents)
  // It has to differ for different contents only.
  bill.serialNumber = `urn:uuid:${uuidOf(serialize(bill))}`
  return serialize(bill)
}

function billOf({ version, programs, nodeVersions, epochSeconds }: Contents): Models.Bom {
  const suite = ofOurs('plexd-suite', version)
  const metadata = new Models.Metadata({ component: suite })
  if (epochSeconds !== undefined) metadata.timestamp = new Date(epochSeconds * 1_000)
  const bill = new Models.Bom({ metadata })
  const node = nodeComponent(nodeVersions)
  bill.components.add(node)
  const known = new Map<string, Models.Component>()
  for (const [name, packages] of Object.entries(programs)) {
    const program = ofOurs(name, version)
    program.dependencies.add(node.bomRef)
    for (const one of packages) {
      const purl = purlOf(one)
      const component = known.get(purl) ?? packageComponent(one, purl)
      known.set(purl, component)
      bill.components.add(component)
      program.dependencies.add(component.bomRef)
    }
    bill.components.add(program)
    suite.dependencies.add(program.bomRef)
  }
  return bill
}

function ofOurs(name: string, version: string): Models.Component {
  const component = new Models.Component(Enums.ComponentType.Application, name, {
    bomRef: `${name}@${version}`,
    version,
  })
  component.licenses.add(new Models.SpdxLicense('Apache-2.0'))
  return component
}

/** The names by which vulnerabilities of Node.js are known; what it contains is named as it names it itself. */
function nodeComponent({
  node = '',
  modules: _modules,
  napi: _napi,
  ...parts
}: Contents['nodeVersions']) {
  const component = new Models.Component(Enums.ComponentType.Platform, 'node', {
    bomRef: `node@${node}`,
    version: node,
    purl: `pkg:github/nodejs/node@v${node}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${node}:*:*:*:*:*:*:*`,
  })
  component.licenses.add(new Models.SpdxLicense('MIT'))
  for (const [name, version] of Object.entries(parts))
    component.components.add(
      new Models.Component(Enums.ComponentType.Library, name, {
        bomRef: `node/${name}@${version}`,
        version,
        purl: `pkg:generic/${name}@${encodeURIComponent(version)}`,
      }),
    )
  return component
}

function packageComponent(one: BundledPackage, purl: string): Models.Component {
  const [base = '', group] = one.name.split('/').reverse()
  const component = new Models.Component(Enums.ComponentType.Library, base, {
    bomRef: purl,
    version: one.version,
    purl,
    ...(group === undefined ? {} : { group }),
  })
  if (one.licence !== '') component.licenses.add(licenceOf(one.licence))
  component.externalReferences.add(archiveOf(one, base))
  return component
}

/** The archive from which it comes, by whose hash anybody can see whether it is the same. */
function archiveOf({ name, version, integrity }: BundledPackage, base: string) {
  const url = `https://registry.npmjs.org/${name}/-/${base}-${version}.tgz`
  const hash = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')
  const hashes = new Models.HashDictionary(
    hash === '' ? [] : [[Enums.HashAlgorithm['SHA-512'], hash]],
  )
  return new Models.ExternalReference(url, Enums.ExternalReferenceType.Distribution, { hashes })
}

function licenceOf(licence: string): Models.License {
  return SPDX.isSupportedSpdxId(licence)
    ? new Models.SpdxLicense(licence)
    : new Models.LicenseExpression(licence)
}

function purlOf({ name, version }: BundledPackage): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`
}

function serialize(bill: Models.Bom): string {
  const serializer = new Serialize.JsonSerializer(
    new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6),
  )
  return `${serializer.serialize(bill, { sortLists: true, space: 2 })}\n`
}

/** Version 8 of RFC 9562: the bits are those of a hash. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
