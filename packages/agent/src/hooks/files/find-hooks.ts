import { describeError, isMissing } from '@plexd/runtime'
import type { Limits } from '../../config/limits.ts'
import { type HookDeclaration, plainDeclaration, readDeclaration } from '../declared/declaration.ts'
import { type Candidate, findCandidates, type HookPlace } from './candidates.ts'
import { createFindLacks, type FindLacks } from './lacks.ts'
import { readSidecar, type Sidecar } from './sidecar.ts'
import { type FileRules, readTrusted, type TrustedFile } from './trusted-file.ts'
import { resolveTrusted } from './trusted-path.ts'

/** A hook as it is on the disk at the moment. */
export interface FoundHook {
  name: string
  path: string
  /** What is declared of it; that of a hook about which nothing is said if the declaration is not understood. */
  declaration: HookDeclaration
  /** Of its file; undefined if that must not be read. */
  checksum?: string
  /** Of its sidecar file; undefined if it has none. */
  sidecarChecksum?: string
  /** When one of its files was last changed, in milliseconds since 1970. */
  changedMs: number
  /** Why it must not run, and what to type. */
  fault?: string
  /** What the machine lacks to run it as it is declared, and what to do about that. */
  lacks: string[]
  warnings: string[]
}

export interface FoundHooks {
  /** By name. */
  hooks: FoundHook[]
  /** Of the folder as a whole. */
  warnings: string[]
}

export interface FindOptions extends HookPlace {
  /** The users whose files are trusted. */
  owners: readonly number[]
  limits: Pick<Limits, 'hooks' | 'hook_bytes'>
}

/** Looks at all hooks. Rejects if the folder cannot be read; that it is not there is no fault. */
export async function findHooks(options: FindOptions): Promise<FoundHooks> {
  const { hooksDir, limits } = options
  const { all, warnings } = await findCandidates(options)
  const candidates = all.slice(0, limits.hooks).map((one, _, kept) => refuseTwins(one, kept))
  const rules = await rulesFor(options)
  const hooks: FoundHook[] = []
  // One after another: each may be as large as the limit.
  const findLacks = createFindLacks()
  for (const candidate of candidates) hooks.push(await look(candidate, rules, findLacks))
  const left = all.length - candidates.length
  return {
    hooks,
    warnings:
      left > 0
        ? [
            ...warnings,
            `there are ${all.length} hooks, and the last ${left} by name are left out: remove some from "${hooksDir}", or set limits.hooks`,
          ]
        : warnings,
  }
}

/** Reads the file of one hook, by the rules for all. Rejects with an UntrustedFile, or with the error of the system. */
export async function readHook(path: string, options: FindOptions): Promise<TrustedFile> {
  return readTrusted(path, await rulesFor(options))
}

async function rulesFor({ hooksDir, owners, limits }: FindOptions): Promise<FileRules> {
  const inside = await realFolder(hooksDir, owners)
  return { inside, owners, maxBytes: limits.hook_bytes, isExecutable: true }
}

/** The folder as it is without links; itself if it is not there, where no file is either. */
async function realFolder(folder: string, owners: readonly number[]): Promise<string> {
  try {
    return (await resolveTrusted(folder, owners)).real
  } catch (error) {
    if (isMissing(error)) return folder
    throw error
  }
}

function refuseTwins(candidate: Candidate, all: readonly Candidate[]): Candidate {
  const twin = all.find((other) => other !== candidate && other.name === candidate.name)
  if (!twin) return candidate
  return { ...candidate, fault: `"${twin.path}" has the same name: rename one of them` }
}

async function look(
  candidate: Candidate,
  rules: FileRules,
  findLacks: FindLacks,
): Promise<FoundHook> {
  const { name, path } = candidate
  const found: FoundHook = {
    name,
    path,
    declaration: plainDeclaration,
    changedMs: 0,
    lacks: [],
    warnings: [],
    ...(candidate.fault === undefined ? {} : { fault: candidate.fault }),
  }
  if (found.fault !== undefined) return found
  try {
    const { checksum, stats } = await readTrusted(path, rules)
    Object.assign(found, { checksum, changedMs: stats.ctimeMs })
    if (candidate.definition) declare(found, readDeclaration(candidate.definition))
    else declareBySidecar(found, await readSidecar(path, rules))
    found.lacks = await findLacks(found.declaration)
  } catch (error) {
    found.fault = describeError(error)
  }
  return found
}

function declareBySidecar(found: FoundHook, sidecar: Sidecar | undefined): void {
  if (!sidecar) return
  found.sidecarChecksum = sidecar.checksum
  found.changedMs = Math.max(found.changedMs, sidecar.changedMs)
  if ('fault' in sidecar.content) found.fault = sidecar.content.fault
  else declare(found, sidecar.content)
}

function declare(
  found: FoundHook,
  { declaration, warnings }: ReturnType<typeof readDeclaration>,
): void {
  Object.assign(found, { declaration, warnings })
}
