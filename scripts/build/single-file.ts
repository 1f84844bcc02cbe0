import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import type { Plugin } from 'esbuild'
import {
  bundleOptions,
  bundlePlugins,
  cache,
  newestChange,
  nodeFlags,
  type ProgramName,
  root,
  sources,
} from '../programs/build.ts'
import { buildFlag, clearBuildFlag } from './code-cache.ts'

export interface SingleFileOptions {
  version: string
  /** Public keys in PEM whose signatures the program trusts. */
  releaseKeys: readonly string[]
}

const run = promisify(execFile)

/**
 * Resolves to a file that needs nothing but the C library: Node.js, the program as a bundle, and its compiled form. Takes
 * four seconds, unless there is one of the same sources and options.
 */
export async function buildSingleFile(
  name: ProgramName,
  options: SingleFileOptions,
): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(options)).digest('hex').slice(0, 12)
  const folder = join(cache, `${prefix}${name}-${newestChange()}-${key}`)
  const file = join(folder, name)
  if (existsSync(file)) return file
  await mkdir(cache, { recursive: true })
  const draft = await mkdtemp(join(cache, 'draft-'))
  try {
    await makeSingleFile(name, options, draft)
    await rename(draft, folder).catch((error: unknown) => {
      // Another process was first.
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  await removeOld()
  return file
}

const prefix = 'build-single-'

/** They are large; those of the last hour may be in use. */
async function removeOld(): Promise<void> {
  const hourMs = 3_600_000
  for (const name of await readdir(cache)) {
    const folder = join(cache, name)
    if (!name.startsWith(prefix) || (await stat(folder)).mtimeMs > Date.now() - hourMs) continue
    await rm(folder, { recursive: true, force: true })
  }
}

/** The same, into an empty folder, under the name of the program. */
export async function makeSingleFile(
  name: ProgramName,
  { version, releaseKeys }: SingleFileOptions,
  folder: string,
): Promise<void> {
  await bundle(name, version, folder)
  await assemble(name, releaseKeys, folder)
}

/** The version in its package.json. */
export async function versionOf(name: ProgramName): Promise<string> {
  return JSON.parse(await readFile(manifestOf(name), 'utf8')).version
}

function manifestOf(name: ProgramName): string {
  return join(root, sources[name].main, '../../package.json')
}

async function bundle(name: ProgramName, version: string, folder: string): Promise<void> {
  const { build } = await import('esbuild')
  await build({
    ...bundleOptions,
    entryPoints: [join(root, sources[name].main)],
    outfile: join(folder, 'main.mjs'),
    plugins: [...bundlePlugins, withVersion(manifestOf(name), version)],
  })
}

/** The program reads its version from its package.json. */
function withVersion(manifest: string, version: string): Plugin {
  return {
    name: 'version',
    setup(build) {
      build.onLoad({ filter: /package\.json$/ }, async ({ path }) => {
        if (path !== manifest) return undefined
        const contents = { ...JSON.parse(await readFile(path, 'utf8')), version }
        return { contents: JSON.stringify(contents), loader: 'json' }
      })
    },
  }
}

/** https://nodejs.org/api/single-executable-applications.html */
async function assemble(
  name: ProgramName,
  releaseKeys: readonly string[],
  folder: string,
): Promise<void> {
  const keys = 'release-keys.pem'
  await writeFile(join(folder, keys), releaseKeys.map((pem) => `${pem.trim()}\n`).join(''))
  // Names without the folder, because the main file's becomes part of the program.
  const config = {
    main: 'main.mjs',
    mainFormat: 'module',
    executable: await strippedNode(),
    output: name,
    assets: { [keys]: keys },
    useCodeCache: true,
    disableExperimentalSEAWarning: true,
    execArgv: nodeFlags[name],
    // NODE_OPTIONS of a caller would reach into a daemon that runs as root.
    execArgvExtension: 'none',
  }
  const configFile = 'sea.json'
  await writeFile(join(folder, configFile), JSON.stringify(config))
  await run(process.execPath, [buildFlag, '--build-sea', configFile], { cwd: folder })
  await clearBuildFlag(join(folder, name))
}

/** Without symbols, which are a fifth of it. It has to be before the program is added: afterwards it does not run. */
async function strippedNode(): Promise<string> {
  const file = join(cache, `node-${process.version}-stripped`)
  if (existsSync(file)) return file
  const draft = `${file}.${process.pid}`
  await copyFile(process.execPath, draft)
  await run('strip', [draft])
  await rename(draft, file)
  return file
}
