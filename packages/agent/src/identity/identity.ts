import { join } from 'node:path'
import { Ipv4Cidr, Key32, MeshIp, MeshRanges, NodeId, nskBytes, schemaFault } from '@plexd/protocol'
import { CliError, describeError, exitCodes, ownersHere, writeFileAtomic } from '@plexd/runtime'
import { type Static, Type } from 'typebox'
import { Check, Errors } from 'typebox/value'
import { readOwnSecret } from './own-secret.ts'

/** Replaced by a rotation. */
const Keys = Type.Object({
  /** WireGuard, base64. */
  private_key: Key32,
  node_secret_key: Type.String(),
  /** The bearer token; for control planes without one, it is the node secret key. */
  node_token: Type.Optional(Type.String()),
})
export type Keys = Static<typeof Keys>

/** One file, so that a crash never leaves half of it. */
export const Identity = Type.Object({
  node_id: NodeId,
  mesh_ip: MeshIp,
  /** All addresses of the mesh; absent from other control planes. */
  mesh_ranges: Type.Optional(MeshRanges),
  /** The range of the node's own address, for older versions, which would guess a larger one. */
  mesh_range: Type.Optional(Ipv4Cidr),
  hostname: Type.String(),
  ...Keys.properties,
  signing_public_key: Key32,
  /** Saved before it is sent, because the control plane may know it from then on; becomes `private_key` when accepted. */
  pending_private_key: Type.Optional(Key32),
  /** The event of the last rotation, so that its replay does not rotate again. */
  rotation_event_id: Type.Optional(Type.String()),
  /** This control plane marks every answer: one without the mark is not its own. */
  marked_answers: Type.Optional(Type.Boolean()),
  /** The keys before the last rotations, newest first: a control plane restored from a backup may know only these. */
  former: Type.Optional(Type.Array(Keys)),
})
export type Identity = Static<typeof Identity>

/** The identity of a running daemon. */
export interface IdentityStore {
  /** As on the disk: a token that has been sent will be found after a restart. */
  current(): Identity
  /** One at a time. In force and on the disk when it resolves; unchanged if it rejects. */
  update(change: (now: Identity) => Identity): Promise<void>
}

export function createIdentityStore(
  dataDir: string,
  identity: Identity,
  onFailure: (error: unknown) => void = () => {},
): IdentityStore {
  let current = identity
  let saving: Promise<void> = Promise.resolve()
  return {
    current: () => current,
    update(change) {
      saving = saving
        .catch(() => {}) // its caller is told
        .then(async () => {
          const changed = change(current)
          await saveIdentity(dataDir, changed).catch((error: unknown) => {
            onFailure(error)
            throw error
          })
          current = changed
        })
      return saving
    },
  }
}

/** All addresses of the mesh; undefined if the control plane never sent them. */
export function rangesOf({ mesh_ranges, mesh_range }: Identity): readonly string[] | undefined {
  return mesh_ranges ?? (mesh_range === undefined ? undefined : [mesh_range])
}

/** What to send as bearer token. */
export function bearerOf(identity: Pick<Identity, 'node_token' | 'node_secret_key'>): string {
  return identity.node_token ?? identity.node_secret_key
}

export function keysOf({ private_key, node_secret_key, node_token }: Keys): Keys {
  return { private_key, node_secret_key, ...(node_token === undefined ? {} : { node_token }) }
}

/** A backup may be this many rotations old. More would be more secrets on the disk. */
const formerKept = 3

/** With other keys in force; the previous ones move to `former`. */
export function withKeys(now: Identity, keys: Keys): Identity {
  const { private_key: _, node_secret_key: __, node_token: ___, former = [], ...rest } = now
  const others = former.filter((each) => bearerOf(each) !== bearerOf(keys))
  return { ...rest, ...keysOf(keys), former: [keysOf(now), ...others].slice(0, formerKept) }
}

export async function saveIdentity(dataDir: string, identity: Identity): Promise<void> {
  await writeFileAtomic(join(dataDir, fileName), `${JSON.stringify(identity, null, 2)}\n`)
}

/**
 * Undefined if the node was never registered. Reads the four files of the Go agent too; they have no hostname, so
 * `hostname` is used. Rejects with a CliError if the files are no identity, or others may read or change them.
 */
export async function loadIdentity(
  dataDir: string,
  hostname: string,
): Promise<Identity | undefined> {
  const text = readOwnSecret(join(dataDir, fileName), ownersHere(dataDir))
  if (text === undefined) return undefined
  const goFiles = readGoFiles(dataDir)
  try {
    const stored = parseStored(text)
    const { previous, ...whole } = { hostname, ...goFiles, ...Object(stored) }
    // Earlier builds kept one.
    return checkIdentity(previous ? { former: [previous], ...whole } : whole)
  } catch (error) {
    throw new CliError(
      `read identity in "${dataDir}": ${describeError(error)}: ${anewRemedy}`,
      exitCodes.failed,
      { remedy: anewRemedy },
    )
  }
}

const anewRemedy =
  'restore it from a backup, or start over with "plexd deregister --purge --force" and "plexd join"'

/** Without the parser's message, which quotes the text, and that may be a key. */
function parseStored(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TypeError(`${fileName} is no JSON: it is damaged, or cut off`)
  }
}

/** Throws a TypeError that names the invalid field, never its value. */
export function checkIdentity(candidate: unknown): Identity {
  if (!Check(Identity, candidate)) {
    throw new TypeError(schemaFault(Errors(Identity, candidate), { whole: 'identity' }))
  }
  nskBytes(candidate.node_secret_key)
  return candidate
}

const fileName = 'identity.json'
const goFileNames = ['private_key', 'node_secret_key', 'signing_public_key']

/** The paths, whether the files exist or not. */
export function identityFiles(dataDir: string): string[] {
  return [fileName, ...goFileNames].map((name) => join(dataDir, name))
}

/** The Go agent keeps the keys, also for signatures, in files beside its `identity.json`. */
function readGoFiles(dataDir: string): Record<string, string> {
  const owners = ownersHere(dataDir)
  return Object.fromEntries(
    goFileNames.flatMap((name) => {
      const text = readOwnSecret(join(dataDir, name), owners)
      return text === undefined ? [] : [[name, text.trim()]]
    }),
  )
}
