import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cache, newestChange, nodeFlags, type ProgramName } from '../programs/build.ts'
import { type Architecture, ownArchitecture } from './architecture.ts'
import { type Bundle, bundle } from './bundle.ts'
import { buildFlag, clearBuildFlag } from './code-cache.ts'
import { nodePackage } from './node-package.ts'
import { strippedNode } from './stripped-node.ts'

export interface SingleFileOptions {
  version: string
  /** Public keys in PEM whose signatures plexd trusts; the other programs have none. */
  releaseKeys: readonly string[]
  /** That of this machine when left out. */
  arch?: Architecture
}

export interface SingleFile {
  file: string
  /** See `Bundle`. */
  inputs: readonly string[]
}

/** What the file of a program is called. */
export const fileNames: Readonly<Record<ProgramName, string>> = {
  plexd: 'plexd',
  plexctl: 'plexctl',
  'control-plane': 'plexd-control-plane',
}

const run = promisify(execFile)

/**
 * Resolves to a file that needs nothing but the C library: Node.js, the program as a bundle, and its compiled form. Takes
 * four seconds, unless there is one of the same sources and options.
 */
export async function buildSingleFile(
  name: ProgramName,
  { version, releaseKeys, arch = ownArchitecture() }: SingleFileOptions,
): Promise<SingleFile> {
  const wanted = JSON.stringify({ version, arch, ...(name === 'plexd' ? { releaseKeys } : {}) })
  const key = createHash('sha256').update(wanted).digest('hex').slice(0, 12)
  const folder = join(cache, `${prefix}${name}-${await newestInput()}-${key}`)
  // That of one that is there says that it is in use. Another build may remove it at any moment before.
  const isThere = await utimes(folder, new Date(), new Date()).then(
    () => true,
    () => false,
  )
  if (!isThere) {
    await mkdir(cache, { recursive: true })
    const draft = await mkdtemp(join(cache, 'draft-'))
    try {
      await makeSingleFile(name, { version, releaseKeys, arch }, draft)
      await rename(draft, folder).catch((error: unknown) => {
        // Another process was first.
        if (!existsSync(folder)) throw error
      })
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
    await removeOld()
  }
  const inputs = JSON.parse(await readFile(join(folder, inputsFile), 'utf8'))
  return { file: join(folder, fileNames[name]), inputs }
}

const prefix = 'build-single-'
const inputsFile = 'inputs.json'

/** A number that changes with every input of a single file. */
async function newestInput(): Promise<number> {
  const files = await readdir(import.meta.dirname)
  const times = files.map(async (file) => (await stat(join(import.meta.dirname, file))).mtimeMs)
  return Math.max(newestChange(), ...(await Promise.all(times)))
}

/** They are large; those that somebody wanted within the last hour may be in use. Another build may remove them, too. */
async function removeOld(): Promise<void> {
  const hourMs = 3_600_000
  for (const name of await readdir(cache)) {
    const folder = join(cache, name)
    if (!name.startsWith(prefix)) continue
    const found = await stat(folder).catch(() => undefined)
    if (found && found.mtimeMs < Date.now() - hourMs)
      await rm(folder, { recursive: true, force: true })
  }
}

/** Into an empty folder, which has then also what it was made of. */
async function makeSingleFile(
  name: ProgramName,
  { version, releaseKeys, arch }: Required<SingleFileOptions>,
  folder: string,
): Promise<void> {
  const made = await bundle(name, version, folder)
  const assets = Object.fromEntries(made.assets.map((asset) => [asset, asset]))
  if (name === 'plexd') {
    const keys = 'release-keys.pem'
    await writeFile(join(folder, keys), releaseKeys.map((pem) => `${pem.trim()}\n`).join(''))
    assets[keys] = keys
  }
  await assemble(name, { bundle: made, arch, assets, folder })
  await writeFile(join(folder, inputsFile), JSON.stringify(made.inputs))
}

interface Parts {
  bundle: Bundle
  arch: Architecture
  /** Files by the names under which the program finds them. */
  assets: Readonly<Record<string, string>>
  folder: string
}

/** https://nodejs.org/api/single-executable-applications.html */
async function assemble(name: ProgramName, parts: Parts): Promise<void> {
  const { bundle, arch, assets, folder } = parts
  const own = ownArchitecture()
  const output = fileNames[name]
  // Names without the folder, because the main file's becomes part of the program.
  const config = {
    main: bundle.main,
    mainFormat: 'module',
    executable: await strippedNode(arch, await nodePackage(arch)),
    output,
    assets,
    // Only a Node.js of that architecture could make it.
    useCodeCache: arch === own,
    disableExperimentalSEAWarning: true,
    execArgv: nodeFlags[name],
    // NODE_OPTIONS of a caller would reach into a daemon that runs as root.
    execArgvExtension: 'none',
  }
  const configFile = 'sea.json'
  await writeFile(join(folder, configFile), JSON.stringify(config))
  // By the Node.js that is a part of it: another one, though of the same version, could write another cache.
  const node = join((await nodePackage(own)).folder, 'bin/node')
  await run(node, [buildFlag, '--build-sea', configFile], { cwd: folder })
  if (config.useCodeCache) await clearBuildFlag(join(folder, output), node)
}
