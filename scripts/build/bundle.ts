import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuildOptions, Plugin } from 'esbuild'
import { bundleOptions, bundlePlugins, type ProgramName, root, sources } from '../programs/build.ts'

/** A program in files without anything else that they need, except for Node.js. */
export interface Bundle {
  main: string
  /** Names of its threads and of what it loads when it is wanted, which are also those of their files. */
  assets: readonly string[]
  /** Files of which something is in it, as paths from the root of the project. */
  inputs: readonly string[]
}

/** The version in its package.json. */
export async function versionOf(name: ProgramName): Promise<string> {
  return JSON.parse(await readFile(manifestOf(name), 'utf8')).version
}

/** Writes the files of a program into the folder. */
export async function bundle(name: ProgramName, version: string, folder: string): Promise<Bundle> {
  const { main, ...others } = sources[name]
  const mainFile = 'main.mjs'
  const plugins = [...bundlePlugins, withVersion(manifestOf(name), version)]
  const wanted = new Map<string, string>()
  const outfile = join(folder, mainFile)
  const inputs = await bundleOne(join(root, main), {
    outfile,
    plugins: [...plugins, withLazyPackages(wanted)],
  })
  // As a script: a text has no path, from which `require` of a module could start.
  const asScript = { format: 'cjs', banner: {}, plugins } as const
  const assets = new Map([
    ...Object.entries<string>(others).map(([thread, file]) => [thread, join(root, file)] as const),
    ...wanted,
  ])
  for (const [asset, file] of assets)
    inputs.push(...(await bundleOne(file, { ...asScript, outfile: join(folder, asset) })))
  return { main: mainFile, assets: [...assets.keys()], inputs: [...new Set(inputs)].sort() }
}

async function bundleOne(
  file: string,
  options: Pick<BuildOptions, 'outfile' | 'plugins' | 'format' | 'banner'>,
): Promise<string[]> {
  const { build } = await import('esbuild')
  const entryPoints = [file]
  const result = await build({ ...bundleOptions, ...options, entryPoints, metafile: true as const })
  return Object.values(result.metafile.outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((file) => (inputs[file]?.bytesInOutput ?? 0) > 0),
  )
}

function manifestOf(name: ProgramName): string {
  return join(root, sources[name].main, '../../package.json')
}

/** Packages that are large, and that few installations have a use for. Their text would be in memory as a part of that of the main file. */
const lazyPackages = /^@aws-sdk\/client-s3$/

/** What the program imports of them when it wants it becomes an asset. `wanted` gets their names, and the files that they begin with. */
function withLazyPackages(wanted: Map<string, string>): Plugin {
  return {
    name: 'lazy packages',
    setup(build) {
      build.onResolve({ filter: lazyPackages }, async ({ path, kind, importer, resolveDir }) => {
        if (kind !== 'dynamic-import') return undefined
        const found = await build.resolve(path, { kind: 'require-call', importer, resolveDir })
        const asset = path.replace(/^@/, '').replace('/', '-')
        wanted.set(asset, found.path)
        return { path: asset, namespace: 'lazy-package' }
      })
      build.onLoad({ filter: /.*/, namespace: 'lazy-package' }, ({ path }) => ({
        contents: `const code = require('node:sea').getAsset('${path}', 'utf8')
          require('node:vm').compileFunction(code, ['module', 'exports', 'require'])(module, exports, require)`,
      }))
    },
  }
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
