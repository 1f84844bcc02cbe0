/** Programs of sources that lie in another folder, with the libraries of here. */
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ProgramName, root } from '../../../scripts/programs/build.ts'

/** For each program, a file that starts it. Disposing removes them. */
export type OtherVersion = Readonly<Record<ProgramName, string>> & AsyncDisposable

/** Of ours it has its own. */
export async function linkLibraries(folder: string): Promise<void> {
  const libraries = join(folder, 'node_modules')
  await mkdir(join(libraries, '@plexd'), { recursive: true })
  for (const name of await readdir(join(root, 'node_modules')))
    if (name !== '@plexd' && !name.startsWith('.'))
      await symlink(join(root, 'node_modules', name), join(libraries, name))
  for (const name of await readdir(join(folder, 'packages')))
    await symlink(join('../../packages', name), join(libraries, '@plexd', name))
}

/** Bundled by its own script, and started as that says. */
export async function startersIn(folder: string): Promise<Record<ProgramName, string>> {
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

/** The option that names the program to start; none for that of now. */
export function fileOf(file: string | undefined): { file?: string } {
  return file === undefined ? {} : { file }
}
