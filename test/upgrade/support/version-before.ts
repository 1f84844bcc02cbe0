/** The programs of the version before this one, as they were, from the history of this repository. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeError } from '@plexd/runtime'
import { type ProgramName, root } from '../../../scripts/programs/build.ts'
import { runToEnd } from '../../../scripts/programs/program.ts'

/**
 * A commit or a tag. Until there are releases, a commit of the days before with an older schema of the database; then the tag of the last
 * minor version before this one.
 */
const versionBefore = process.env.PLEXD_VERSION_BEFORE ?? 'eeec151ffc15778921354abd3503ac2a6814189c'

/** For each program, a file that starts it. Disposing removes them. */
export type VersionBefore = Readonly<Record<ProgramName, string>> & AsyncDisposable

/** Resolves to the reason, in a line, where it cannot be had, as in a clone without history. */
export async function openVersionBefore(): Promise<VersionBefore | string> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-before-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    await unpack(folder)
    const starters = await startersIn(folder)
    return Object.assign(starters, { [Symbol.asyncDispose]: remove })
  } catch (error) {
    await remove()
    const [reason = ''] = describeError(error).split('\n')
    return `the version before, "${versionBefore}", cannot be had: ${reason}`
  }
}

async function unpack(folder: string): Promise<void> {
  const commit = (await git('rev-parse', '--verify', `${versionBefore}^{commit}`)).trim()
  await demandSameLibraries(commit)
  const archive = join(folder, 'archive.tar')
  await git('archive', `--output=${archive}`, commit, 'packages', 'scripts', 'package-lock.json')
  await demand('tar', '-x', '-f', archive, '-C', folder)
  await linkLibraries(folder)
}

/** Its libraries are taken from here: each has to be here in the version that was locked then. */
async function demandSameLibraries(commit: string): Promise<void> {
  const here = librariesIn(await readFile(join(root, 'package-lock.json'), 'utf8'))
  const then = librariesIn(await git('show', `${commit}:package-lock.json`))
  for (const [name, version] of then)
    if (here.get(name) !== version)
      throw new Error(`it wants "${name}" ${version}, and here is ${here.get(name) ?? 'none'}`)
}

/** Those of every machine, with their versions. */
function librariesIn(lock: string): Map<string, string> {
  const { packages } = JSON.parse(lock) as {
    packages: Record<string, { version?: string; link?: boolean; optional?: boolean }>
  }
  return new Map(
    Object.entries(packages).flatMap(([name, { version, link, optional }]) =>
      version === undefined || link || optional || !name.startsWith('node_modules/')
        ? []
        : [[name, version] as const],
    ),
  )
}

/** Of ours it has its own. */
async function linkLibraries(folder: string): Promise<void> {
  const libraries = join(folder, 'node_modules')
  await mkdir(join(libraries, '@plexd'), { recursive: true })
  for (const name of await readdir(join(root, 'node_modules')))
    if (name !== '@plexd' && !name.startsWith('.'))
      await symlink(join(root, 'node_modules', name), join(libraries, name))
  for (const name of await readdir(join(folder, 'packages')))
    await symlink(join('../../packages', name), join(libraries, '@plexd', name))
}

/** Bundled by its own script, and started as that says. */
async function startersIn(folder: string): Promise<Record<ProgramName, string>> {
  const script: typeof import('../../../scripts/programs/build.ts') = await import(
    join(folder, 'scripts/programs/build.ts')
  )
  const mains = await script.builtPrograms()
  async function starterOf(name: ProgramName): Promise<string> {
    const command = [process.execPath, ...script.nodeFlags[name], mains[name]].join(' ')
    const starter = join(folder, name)
    await writeFile(starter, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 })
    return starter
  }
  return {
    plexd: await starterOf('plexd'),
    plexctl: await starterOf('plexctl'),
    'control-plane': await starterOf('control-plane'),
  }
}

async function git(...args: string[]): Promise<string> {
  return await demand('git', '-C', root, ...args)
}

async function demand(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim()}`)
  return stdout
}

/** The option that names the program to start; none for that of now. */
export function fileOf(file: string | undefined): { file?: string } {
  return file === undefined ? {} : { file }
}
