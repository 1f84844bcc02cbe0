import { readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { BuildOptions, Plugin } from 'esbuild'

/** The programs as users run them: each in a few files of plain JavaScript, which start four times as fast as the sources. */
export type ProgramName = keyof typeof sources

export const root = join(import.meta.dirname, '../..')
/** For each program, the main file and those of its threads. */
export const sources = {
  plexctl: { main: 'packages/cli/src/main.ts' },
  plexd: { main: 'packages/agent/src/main.ts' },
  'control-plane': {
    main: 'packages/control-plane/src/main.ts',
    'parser-worker': 'packages/control-plane/src/parser/worker.ts',
    'search-worker': 'packages/control-plane/src/telemetry/search-worker.ts',
  },
}
/** For builds, and for V8's compile cache. */
export const cache = join(root, 'node_modules/.cache/plexd')
/** Environment of a program that uses V8's compile cache. */
export const compileCache = { NODE_COMPILE_CACHE: join(cache, 'compiled') }

/**
 * Otherwise SIGUSR1 would open a debugger on a port, and with it give every user of the machine the rights of the
 * program.
 */
const noDebugger = '--disable-sigusr1'

/** What Node is started with, as in the first line of each program. */
export const nodeFlags: Readonly<Record<ProgramName, readonly string[]>> = {
  plexctl: [noDebugger],
  // 12 MB less than with the usual new space and with four threads, which each keep memory of their own; see bench/README.md.
  plexd: [noDebugger, '--max-semi-space-size=2', '--v8-pool-size=1'],
  // V8 lets its new space grow to 64 MB in a burst, or to 30 while modules load, and keeps it; see docs/performance.md.
  'control-plane': [noDebugger, '--max-semi-space-size=8'],
}

/** The main file of each built program. Builds all of them if the sources have changed since. */
export async function builtPrograms(): Promise<Record<ProgramName, string>> {
  const folder = await build(join(cache, `build-${newestChange()}`))
  const mainOf = (name: ProgramName): string => join(folder, name, 'main.mjs')
  return {
    plexctl: mainOf('plexctl'),
    plexd: mainOf('plexd'),
    'control-plane': mainOf('control-plane'),
  }
}

/** Builds in another folder and renames it, so that two processes may build the same at once. */
async function build(folder: string): Promise<string> {
  if (exists(folder)) return folder
  const { build } = await import('esbuild')
  const draft = `${folder}.${process.pid}`
  for (const [name, files] of Object.entries(sources)) {
    await build({
      ...bundleOptions,
      entryPoints: mapValues(files, (file) => join(root, file)),
      outdir: join(draft, name),
      outExtension: { '.js': '.mjs' },
      // So that a command loads only what it needs.
      splitting: true,
      plugins: [...bundlePlugins],
    })
  }
  try {
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true })
    if (!exists(folder)) throw error
  }
  removeOld(folder)
  return folder
}

/**
 * An ES import of these evaluates all their exports, and so loads parts that we do not use: undici for `WebSocket`, and
 * WebCrypto. With `require` they cost 5 MB and 20 ms less.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy builtins',
  setup(build) {
    build.onResolve({ filter: /^node:(http|crypto)$/ }, ({ path, kind }) =>
      kind === 'require-call' ? { path, external: true } : { path, namespace: 'lazy-builtin' },
    )
    build.onLoad({ filter: /.*/, namespace: 'lazy-builtin' }, ({ path }) => ({
      contents: `module.exports = require('${path}')`,
    }))
  },
}

/** Its modules have no side effects, though its package does not say so; unused ones can be left out. */
const sideEffectFree: Plugin = {
  name: 'side-effect free',
  setup(build) {
    build.onResolve({ filter: /^(typebox|\.)/ }, async ({ path, pluginData, ...where }) => {
      const isOurs = pluginData === sideEffectFree // asked below
      if (isOurs || !(path.startsWith('typebox') || where.resolveDir.includes('/typebox/'))) return
      const found = await build.resolve(path, { ...where, pluginData: sideEffectFree })
      return { ...found, sideEffects: false }
    })
  },
}

/** Libraries do without their native parts, which no program of ours may load from where it happens to run. */
const noNativeParts: Plugin = {
  name: 'no native parts',
  setup(build) {
    build.onResolve({ filter: /^cpu-features$|\.node$/ }, ({ path }) => ({
      path,
      namespace: 'native-part',
    }))
    build.onLoad({ filter: /.*/, namespace: 'native-part' }, ({ path }) => ({
      contents: `throw new Error('${path} is not a part of this program')`,
    }))
  },
}

/** How each program is bundled, in whatever form it is delivered. */
export const bundleOptions = {
  // Paths in a bundle are relative to it, so that a bundle does not depend on the folder in which it is made.
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  minifySyntax: true,
  minifyWhitespace: true,
  // In files of their own. A text with a single character that is not ASCII takes V8 two bytes for each of its
  // characters as long as the program runs; esbuild escapes them in strings, but not in comments and patterns.
  legalComments: 'external',
  // For libraries in CommonJS.
  banner: {
    js: `import{createRequire}from'node:module';const require=createRequire(import.meta.url);`,
  },
  // A library asks for it, and then reads no file.
  define: { __dirname: '"/"' },
  logLevel: 'error',
} satisfies BuildOptions

export const bundlePlugins: readonly Plugin[] = [lazyBuiltins, sideEffectFree, noNativeParts]

function mapValues(record: object, change: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}

/** A number that changes with every input of a bundle. */
export function newestChange(): number {
  const packages = join(root, 'packages')
  const files = readdirSync(packages, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join(packages, file))
  const all = [...files, join(root, 'package-lock.json'), import.meta.filename]
  // With their number, because a removed file changes no time.
  return Math.max(...all.map((file) => statSync(file).mtimeMs)) + all.length
}

/** Keeps those of the last day, because programs of an older build may still run and load more of it. */
function removeOld(current: string): void {
  const dayMs = 24 * 3_600_000
  for (const name of readdirSync(cache)) {
    const folder = join(cache, name)
    const found = name.startsWith('build-') && statSync(folder, { throwIfNoEntry: false })
    if (found && found.mtimeMs < Date.now() - dayMs && folder !== current)
      rmSync(folder, { recursive: true, force: true })
  }
}

function exists(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false }) !== undefined
}
