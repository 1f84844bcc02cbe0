/** The programs of the version before this one, as they were, from the history of this repository. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeError } from '@plexd/runtime'
import { root } from '../../../scripts/programs/build.ts'
import { runToEnd } from '../../../scripts/programs/program.ts'
import { linkLibraries, type OtherVersion, startersIn } from './other-version.ts'

/**
 * A commit or a tag. Until there are releases, a commit of the days before with an older schema of the database; then the tag of the last
 * minor version before this one.
 */
const versionBefore = process.env.PLEXD_VERSION_BEFORE ?? 'eeec151ffc15778921354abd3503ac2a6814189c'

/** Resolves to the reason, in a line, where it cannot be had, as in a clone without history. */
export async function openVersionBefore(version = versionBefore): Promise<OtherVersion | string> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-before-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    await unpack(version, folder)
    const starters = await startersIn(folder)
    return Object.assign(starters, { [Symbol.asyncDispose]: remove })
  } catch (error) {
    await remove()
    const [reason = ''] = describeError(error).split('\n')
    return `the version before, "${version}", cannot be had: ${reason}`
  }
}

async function unpack(version: string, folder: string): Promise<void> {
  const commit = (await git('rev-parse', '--verify', `${version}^{commit}`)).trim()
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

async function git(...args: string[]): Promise<string> {
  return await demand('git', '-C', root, ...args)
}

async function demand(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim()}`)
  return stdout
}
