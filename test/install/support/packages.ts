import { mkdir } from 'node:fs/promises'
import { ownArchitecture } from '../../../scripts/build/architecture.ts'
import { packageKinds } from '../../../scripts/build/packages.ts'
import { buildSingleFile } from '../../../scripts/build/single-file.ts'
import type { ProgramName } from '../../../scripts/programs/build.ts'

/** Packages of a version as `./run build` makes them, but for the licences in them; those whose names `only` matches, as `plexd.deb`. */
export async function makePackages(version: string, out: string, only = /./): Promise<void> {
  await mkdir(out, { recursive: true })
  const kinds = packageKinds.filter(({ name }) => only.test(name))
  const isForControlPlane = kinds.some(({ name }) => name.startsWith('plexd-control-plane'))
  const names = isForControlPlane
    ? (['plexd', 'plexctl', 'control-plane'] as const)
    : ['plexd' as const]
  const files = await Promise.all(
    names.map(async (name) => {
      const { file } = await buildSingleFile(name, { version, releaseKeys: [] })
      return [name, file]
    }),
  )
  const programs: Record<ProgramName, string> = Object.fromEntries(files)
  const parts = { version, programs, arch: ownArchitecture(), licences: '', out, epochSeconds: 0 }
  for (const { make } of kinds) await make(parts)
}
