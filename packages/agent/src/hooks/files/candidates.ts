import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { undefinedIfMissing } from '@plexd/runtime'
import { sidecarEndings } from './sidecar.ts'

/** What may be a hook, before its files are opened. */
export interface Candidate {
  name: string
  path: string
  /** What the config file says of it; undefined if a sidecar may. */
  definition?: Readonly<Record<string, unknown>>
  /** Why it cannot be one; undefined if nothing is known yet. */
  fault?: string
}

export interface Candidates {
  /** By name. */
  all: Candidate[]
  /** What an operator may have meant otherwise. */
  warnings: string[]
}

export interface HookPlace {
  hooksDir: string
  /** `hooks.definitions` of the config file, as it is written there. */
  hookDefinitions: readonly Readonly<Record<string, unknown>>[]
}

/**
 * The hooks that the config file declares, and the executable files of the folder. There a file that is declared counts too, whatever it
 * is, and so does what no file should be (a pipe, a device): an operator has to hear of it. Rejects with the error of the system if the folder
 * cannot be read.
 */
export async function findCandidates({
  hooksDir,
  hookDefinitions,
}: HookPlace): Promise<Candidates> {
  const defined = hookDefinitions.map((definition) => fromDefinition(definition, hooksDir))
  const taken = new Set(defined.map(({ path }) => path))
  const entries = (await readdir(hooksDir, { withFileTypes: true }).catch(undefinedIfMissing)) ?? []
  const files = entries.filter(({ name }) => !name.startsWith('.') && !isSidecar(name))
  const declared = new Set(entries.filter(({ name }) => isSidecar(name)).map(hookOf))
  const isHook = await Promise.all(
    files.map((entry) => declared.has(entry.name) || isMeant(entry, hooksDir)),
  )
  const found = files
    .filter((_, at) => isHook[at])
    .map(({ name }): Candidate => ({ name, path: join(hooksDir, name) }))
    .filter(({ path }) => !taken.has(path))
  const names = new Set(found.map(({ name }) => name))
  return {
    all: [...defined, ...found].map(checkName).sort(byName),
    warnings: [...declared].filter((name) => !names.has(name)).map(describeStray),
  }
}

function fromDefinition(
  definition: Readonly<Record<string, unknown>>,
  hooksDir: string,
): Candidate {
  const { name, path = name, ...rest } = definition
  const isNamed = typeof name === 'string' && typeof path === 'string' && !path.includes('\0')
  if (!isNamed)
    return {
      name: String(name ?? ''),
      path: hooksDir,
      fault: 'its definition in the config file has no name, or its path is no text',
    }
  return { name, path: resolve(hooksDir, path), definition: rest }
}

function isSidecar(name: string): boolean {
  return sidecarEndings.some((ending) => name.endsWith(ending) && name !== ending)
}

function hookOf({ name }: Dirent): string {
  return name.slice(0, name.lastIndexOf('.'))
}

async function isMeant(entry: Dirent, folder: string): Promise<boolean> {
  if (entry.isDirectory()) return false
  if (!entry.isFile() && !entry.isSymbolicLink()) return true
  const found = await stat(join(folder, entry.name)).catch(() => undefined) // a link that leads nowhere
  return found !== undefined && !found.isDirectory() && (found.mode & 0o111) !== 0
}

/** The namespaces of builtin actions: a hook in one could be taken for an action of plexd. */
const reserved = /^(config|diagnostics|health|logs|mesh|service|system)\./

function checkName(candidate: Candidate): Candidate {
  const { name } = candidate
  if (candidate.fault !== undefined) return candidate
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    return {
      ...candidate,
      fault: 'its name: want 1 to 64 letters, digits, dots, dashes and underscores',
    }
  if (reserved.test(name))
    return { ...candidate, fault: `its name: "${name.split('.')[0]}." is for actions of plexd` }
  return candidate
}

function byName(a: Candidate, b: Candidate): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

function describeStray(name: string): string {
  return `a declaration of "${basename(name)}" is not read: there is no such file beside it, or the config file declares it`
}
