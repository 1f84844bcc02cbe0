import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { cache, root } from '../programs/build.ts'
import { type Architecture, architectures } from './architecture.ts'

/** The Node.js of an architecture, as the npm registry has it: `bin/node`, `LICENSE`, `package.json`. */
export interface NodePackage {
  folder: string
  /** As in `26.10.0`. */
  version: string
}

const run = promisify(execFile)
const tools = join(root, 'tools/node')

/**
 * The version and the integrity are those of the lock file in tools/node, whichever Node.js builds: two machines put the
 * same bytes into a program. Comes from the network once.
 */
export async function nodePackage(arch: Architecture): Promise<NodePackage> {
  const name = `node-linux-${architectures[arch].node}`
  const { version } = await readLock(name)
  const installed = join(tools, 'node_modules', name)
  if ((await versionIn(installed)) === version) return { folder: installed, version }
  const folder = join(cache, `${name}-${version}`)
  if (!existsSync(folder)) await fetchPackage(name, arch, folder)
  return { folder, version }
}

interface Locked {
  version: string
  integrity: string
}

async function readLock(name: string): Promise<Locked> {
  const lock = JSON.parse(await readFile(join(tools, 'package-lock.json'), 'utf8'))
  return lock.packages[`node_modules/${name}`]
}

async function versionIn(folder: string): Promise<string | undefined> {
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) return undefined
  return JSON.parse(await readFile(manifest, 'utf8')).version
}

async function fetchPackage(name: string, arch: Architecture, folder: string): Promise<void> {
  await mkdir(cache, { recursive: true })
  const draft = await mkdtemp(join(cache, 'draft-node-'))
  try {
    await copyFile(join(tools, '.npmrc'), join(draft, '.npmrc'))
    await writeManifests(name, draft)
    await install(name, arch, draft)
    await rename(join(draft, 'node_modules', name), folder).catch((error: unknown) => {
      // Another process was first.
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Of this one package, and not optional: npm says nothing of an optional one that it could not fetch. */
async function writeManifests(name: string, folder: string): Promise<void> {
  const { version, integrity } = await readLock(name)
  const own = { name: 'plexd-node-runtime', dependencies: { [name]: version } }
  const lock = {
    name: own.name,
    lockfileVersion: 3,
    packages: { '': own, [`node_modules/${name}`]: { version, integrity } },
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify(own))
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock))
}

/** npm compares the integrity, also of what it has in its cache. */
async function install(name: string, arch: Architecture, folder: string): Promise<void> {
  const platform = ['--os=linux', `--cpu=${architectures[arch].node}`]
  const args = ['ci', '--ignore-scripts', '--prefer-offline', '--loglevel=error', ...platform]
  // By the Node.js of the machine: npm reads the machine's settings, such as a mirror, only from beside that.
  const env = { ...process.env, PATH: process.env.PLEXD_MACHINE_PATH ?? process.env.PATH }
  try {
    await run('npm', args, { cwd: folder, env })
  } catch (cause) {
    const title = `fetch ${name} from the npm registry for ${arch}`
    throw new Error(`${title}: ${reasonOf(cause)}: it is fetched once, and needs the network then`)
  }
  if (!existsSync(join(folder, 'node_modules', name, 'bin/node')))
    throw new Error(`fetch ${name} from the npm registry for ${arch}: npm did not install it`)
}

function reasonOf(cause: unknown): string {
  const {
    stderr = '',
    code,
    message,
  } = cause as { stderr?: string; code?: string; message: string }
  if (code === 'ENOENT') return 'there is no "npm" on the PATH'
  return stderr.trim().replace(/\s*\n\s*/g, ' ') || message
}
