import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  describeError,
  errorCodeOf,
  type Log,
  readPlainFile,
  writeFileAtomic,
} from '@plexd/runtime'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import type { AgentConfig, Settings } from './agent-config.ts'

/**
 * The address of the control plane and some command line settings, stored beside the identity, so that an enrolled node
 * restarts without them. All other sources take precedence.
 */
const Remembered = Type.Object({
  api: Type.String(),
  /** Its other addresses; an earlier version ignores them. */
  others: Type.Optional(Type.Array(Type.String())),
  /** Whether the CA certificate that was used is stored beside this file. */
  ca: Type.Boolean(),
  insecure_http: Type.Boolean(),
  socket: Type.Optional(Type.String()),
  mode: Type.Optional(Type.Union([Type.Literal('node'), Type.Literal('bridge')])),
  mesh: Type.Optional(Type.Boolean()),
})
type Remembered = Static<typeof Remembered>

const pathOf = (dataDir: string): string => join(dataDir, 'settings.json')

/** A copy, because the original file may be deleted later, or belong to somebody else. */
export const pinnedCaFile = (dataDir: string): string => join(dataDir, 'control-plane-ca.crt')

/** Call this after the control plane has answered, so that nothing wrong is remembered. `flags` is the command line. */
export async function rememberSettings(config: AgentConfig, flags: Settings): Promise<void> {
  const { dataDir, apiUrl, otherPlaces, caFile, insecureHttp } = config
  // A damaged file is replaced.
  const before = await read(dataDir).catch(() => undefined)
  if (caFile !== undefined && caFile !== pinnedCaFile(dataDir))
    await writeIfNew(pinnedCaFile(dataDir), readPlainFile(caFile, `read CA file "${caFile}"`))
  const { socket, mode, mesh } = before ?? {}
  const now: Remembered = {
    api: apiUrl,
    ...(otherPlaces.length > 0 ? { others: otherPlaces.map((place) => place.apiUrl) } : {}),
    ca: caFile !== undefined,
    insecure_http: insecureHttp,
    ...defined({
      socket: flags.socketPath === undefined ? socket : resolve(flags.socketPath),
      mode: flags.mode ?? mode,
      mesh: flags.meshEnabled ?? mesh,
    }),
  }
  await writeIfNew(pathOf(dataDir), `${JSON.stringify(now, null, 2)}\n`)
}

/** Where the control plane has moved to, with all else as it was. Call this after it has proved itself there. */
export async function rememberAddress(dataDir: string, apiUrl: string): Promise<void> {
  const before = await read(dataDir)
  if (!before) throw new Error(`remember address "${apiUrl}": there is no "${pathOf(dataDir)}"`)
  const { others, ...kept } = before // they are where it was
  const now: Remembered = { ...kept, api: apiUrl, insecure_http: false }
  await writeIfNew(pathOf(dataDir), `${JSON.stringify(now, null, 2)}\n`)
}

/**
 * The remembered settings that `given` does not set. Address, CA and permission for plain HTTP belong together: if an
 * address is given, even the same one, none of them is used. Empty if the file belongs to another user.
 */
export async function recallSettings(
  dataDir: string,
  given: Settings,
  log: Log,
): Promise<Settings> {
  const remembered = await read(dataDir).catch((error: unknown) => {
    log.warn('remembered settings cannot be read, ignored', { error: describeError(error) })
    return undefined
  })
  if (!remembered) return {}
  const { api, others = [], ca, insecure_http, socket, mode, mesh } = remembered
  const connection: Settings = {
    apiUrl: [api, ...others].join(','),
    insecureHttp: insecure_http,
    ...(ca ? { caFile: pinnedCaFile(dataDir) } : {}),
  }
  return {
    ...(given.apiUrl === undefined ? connection : {}),
    ...defined({ socketPath: socket, mode, meshEnabled: mesh }),
  }
}

async function read(dataDir: string): Promise<Remembered | undefined> {
  const path = pathOf(dataDir)
  try {
    const content: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (!Check(Remembered, content)) throw new TypeError(`"${path}" is not of the expected shape`)
    return content
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(errorCodeOf(error) ?? ''))
      return undefined
    throw error
  }
}

/** Skips writing if nothing has changed, which is the case at most starts. */
async function writeIfNew(path: string, content: string): Promise<void> {
  const before = await readFile(path, 'utf8').catch(() => undefined)
  if (before !== content) await writeFileAtomic(path, content)
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function defined<T extends object>(values: T): Defined<T> {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(pairs) as Defined<T> // the same names, without those that have no value
}
