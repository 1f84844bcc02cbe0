import { execFile } from 'node:child_process'
import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { releaseStatement } from '@plexd/protocol'
import { type ProgramName, sources } from '../programs/build.ts'
import { type Architecture, ownArchitecture } from './architecture.ts'
import { type BundledPackage, bundledPackages } from './bundled-package.ts'
import { makeImages } from './images.ts'
import { installerText } from './installer.ts'
import { licences } from './licences.ts'
import { type NodePackage, nodePackage } from './node-package.ts'
import type { BuildRequest } from './options.ts'
import type { PackageParts } from './packages/package-parts.ts'
import { packageKinds } from './packages.ts'
import { megabytes, step } from './progress.ts'
import { checksumOf, signStatement } from './release-key.ts'
import { sbom } from './sbom.ts'
import { buildSingleFile, fileNames } from './single-file.ts'
import { writeSums } from './sums.ts'

const programNames = Object.keys(sources) as ProgramName[] // its keys

/** Files of a build, by their paths in `out`. */
export type Release = readonly string[]

/** Makes everything that was asked for, and resolves to its files, which `SHA256SUMS` lists but for its own signature. */
export async function buildRelease(request: BuildRequest): Promise<Release> {
  await mkdir(request.out, { recursive: true })
  const files: string[] = []
  const packages = new Map<ProgramName, BundledPackage[]>()
  for (const arch of request.architectures)
    files.push(...(await buildPrograms(request, arch, packages)))
  const node = await nodePackage(ownArchitecture())
  const text = licences(unique([...packages.values()].flat()), node)
  files.push(await write(request, 'licences.txt', text))
  files.push(await write(request, 'install.sh', await installerText(request.releaseKeys)))
  files.push(await write(request, 'sbom.cdx.json', await billOf(request, packages, node)))
  if (request.wantsPackages)
    for (const arch of request.architectures)
      files.push(...(await makePackages(partsOf(request, arch, text))))
  if (request.wantsImages)
    for (const arch of request.architectures)
      files.push(...(await makeImages(partsOf(request, arch, text))))
  return [...files, ...(await writeSums(request.out, files, request.signKey))]
}

async function buildPrograms(
  request: BuildRequest,
  arch: Architecture,
  packages: Map<ProgramName, BundledPackage[]>,
): Promise<string[]> {
  const folder = folderOf(request, arch)
  await mkdir(folder, { recursive: true })
  const files: string[] = []
  for (const name of programNames) {
    const target = join(folder, fileNames[name])
    const { inputs } = await step(`${fileNames[name]} for linux/${arch}`, async () => {
      const made = await buildSingleFile(name, { ...request, arch })
      // A program that runs cannot be written to, but its name can be given to another file.
      await rm(target, { force: true })
      await copyFile(made.file, target)
      return [made, megabytes((await stat(target)).size)]
    })
    packages.set(name, bundledPackages(inputs))
    files.push(relative(request.out, target))
  }
  if (request.signKey !== undefined) files.push(await signPlexd(request, arch, request.signKey))
  return files
}

/** Programs of this machine are at hand, and those of another are kept apart. */
function folderOf({ out }: BuildRequest, arch: Architecture): string {
  return arch === ownArchitecture() ? out : join(out, arch)
}

/** The signature by which nodes take it as an upgrade. */
async function signPlexd(request: BuildRequest, arch: Architecture, key: string): Promise<string> {
  const file = join(folderOf(request, arch), fileNames.plexd)
  const checksum = await checksumOf(file)
  const statement = releaseStatement({ version: request.version, os: 'linux', arch, checksum })
  return write(request, relative(request.out, `${file}.sig`), `${signStatement(statement, key)}\n`)
}

async function billOf(
  { version, epochSeconds }: BuildRequest,
  packages: ReadonlyMap<ProgramName, BundledPackage[]>,
  node: NodePackage,
): Promise<string> {
  const script = 'process.stdout.write(JSON.stringify(process.versions))'
  const { stdout } = await promisify(execFile)(join(node.folder, 'bin/node'), ['-e', script])
  const programs = [...packages].map(([name, bundled]) => [fileNames[name], bundled])
  return sbom({
    version,
    programs: Object.fromEntries(programs),
    nodeVersions: JSON.parse(stdout),
    epochSeconds,
  })
}

/** What packages and images of an architecture are made of. */
function partsOf(request: BuildRequest, arch: Architecture, licences: string) {
  const { out, version, source, epochSeconds = 0 } = request
  const files = programNames.map((name) => [name, join(folderOf(request, arch), fileNames[name])])
  const programs: Record<ProgramName, string> = Object.fromEntries(files)
  return { version, arch, programs, licences, out, source, epochSeconds }
}

async function makePackages(parts: PackageParts): Promise<string[]> {
  const made: string[] = []
  for (const { name, make } of packageKinds)
    made.push(
      await step(`${name} for ${parts.arch}`, async () => {
        const file = await make(parts)
        return [file, megabytes((await stat(join(parts.out, file))).size)]
      }),
    )
  return made
}

async function write({ out }: BuildRequest, name: string, text: string): Promise<string> {
  await writeFile(join(out, name), text)
  return name
}

/** Two programs may contain the same package, and one program may have it from two folders. */
function unique(packages: readonly BundledPackage[]): BundledPackage[] {
  const byTitle = new Map(packages.map((one) => [`${one.name} ${one.version}`, one]))
  return [...byTitle].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
}
