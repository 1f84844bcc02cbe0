import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../programs/build.ts'

/** A package of others of which something is in a program. */
export interface BundledPackage {
  name: string
  version: string
  /** An SPDX expression; "" when the package states none. */
  licence: string
  folder: string
  /** Of its archive in the npm registry, as in the lock file: `sha512-` and base64. */
  integrity: string
}

/** Their order is that of the folders. */
export function bundledPackages(inputs: readonly string[]): BundledPackage[] {
  const folders = new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined))
  const lock = readJson(join(root, 'package-lock.json'))
  return [...folders].sort().map((folder) => {
    const manifest = readJson(join(root, folder, 'package.json'))
    return {
      name: manifest.name,
      version: manifest.version,
      licence: manifest.license ?? manifest.licenses?.[0]?.type ?? '',
      folder: join(root, folder),
      integrity: lock.packages[folder]?.integrity ?? '',
    }
  })
}

/** `node_modules/a/node_modules/@b/c` of a file that is in it; undefined for a file of ours. */
export function packageFolder(input: string): string | undefined {
  return /^((?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]
}

// biome-ignore lint/suspicious/noExplicitAny: manifests have fields that are not known here
function readJson(file: string): any {
  return JSON.parse(readFileSync(file, 'utf8'))
}
