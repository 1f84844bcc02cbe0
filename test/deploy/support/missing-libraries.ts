import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runToEnd } from '../../../scripts/programs/program.ts'

/** Shared libraries that a program or a library in a file system wants, and that are not in it. */
export async function missingLibraries(rootfs: string, triplet: string): Promise<string[]> {
  const places = [`usr/lib/${triplet}`, 'usr/lib64', 'usr/lib'].map((path) => join(rootfs, path))
  const folders = ['usr/bin', 'usr/sbin', `usr/lib/${triplet}`].map((path) => join(rootfs, path))
  const files = folders
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  // Its exit code says that there is a script among them.
  const { stdout, stderr } = await runToEnd('readelf', ['--dynamic', ...files])
  const wanted = new Set([...stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name = '']) => name))
  if (wanted.size === 0) throw new Error(`readelf found no program in "${rootfs}": ${stderr}`)
  return [...wanted].filter((name) => !places.some((place) => existsSync(join(place, name))))
}
