import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuildOptions, Plugin } from 'esbuild'
import { bundleOptions, bundlePlugins, type ProgramName, root, sources } from '../programs/build.ts'

/** A program in files without anything else that they need, except for Node.js. */
export interface Bundle {
  main: string
  /** Names of its threads, which are also those of their files. */
  threads: readonly string[]
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
  const inputs = await bundleOne(main, { outfile: join(folder, mainFile), plugins })
  for (const [thread, file] of Object.entries<string>(others)) {
    // As a script: a text has no path, from which `require` of a module could start.
    const asScript = { format: 'cjs', banner: {} } as const
    inputs.push(...(await bundleOne(file, { ...asScript, outfile: join(folder, thread), plugins })))
  }
  return { main: mainFile, threads: Object.keys(others), inputs: [...new Set(inputs)].sort() }
}

async function bundleOne(
  entry: string,
  options: Pick<BuildOptions, 'outfile' | 'plugins' | 'format' | 'banner'>,
): Promise<string[]> {
  const { build } = await import('esbuild')
  const entryPoints = [join(root, entry)]
  const result = await build({ ...bundleOptions, ...options, entryPoints, metafile: true as const })
  return Object.values(result.metafile.outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((file) => (inputs[file]?.bytesInOutput ?? 0) > 0),
  )
}

function manifestOf(name: ProgramName): string {
  return join(root, sources[name].main, '../../package.json')
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
