import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder } from '../../testing/node.ts'

/** An image of podman with a shell and a few programs, made of those of this machine: no registry is asked. */
export interface ShellImage extends AsyncDisposable {
  name: string
}

const programs = ['sh', 'sleep', 'env', 'ls', 'head', 'id', 'touch', 'wc']

export async function makeShellImage(): Promise<ShellImage> {
  await using folder = await makeFolder()
  const root = join(folder.path, 'root')
  for (const program of programs) await copyProgram(program, root)
  for (const place of ['etc', 'proc', 'sys', 'dev', 'tmp', 'run'])
    await mkdir(join(root, place), { recursive: true })
  const tar = join(folder.path, 'image.tar')
  run('tar', '-C', root, '-cf', tar, '.')
  const name = `localhost/plexd-test:${process.pid}`
  // What an image sets must not reach a program.
  run('podman', 'import', '--change', 'ENV=FROM_IMAGE=1', tar, name)
  return { name, [Symbol.asyncDispose]: async () => void run('podman', 'rmi', '--force', name) }
}

/** With the libraries that it needs. */
async function copyProgram(program: string, root: string): Promise<void> {
  const path = run('sh', '-c', `command -v ${program}`).trim()
  const libraries = run('ldd', path).matchAll(/(\/\S+) \(/g)
  await copy(path, join(root, 'bin', program))
  for (const [, library = ''] of libraries) await copy(library, join(root, library))
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await cp(await realpath(from), to)
}

/** Why this machine cannot run containers, in one line; undefined when it can. */
export function whyNoContainers(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  try {
    run('podman', '--version')
  } catch {
    return 'podman is not installed'
  }
  // crun refuses them, wherever its container is.
  const unified = '/sys/fs/cgroup/unified/cgroup.controllers'
  if (existsSync(unified) && readFileSync(unified, 'utf8').trim() !== '')
    return 'control groups of both versions have controllers: unshare -m, umount /sys/fs/cgroup/unified'
  return undefined
}

export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
