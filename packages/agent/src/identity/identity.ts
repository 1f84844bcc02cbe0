import { join } from 'node:path'
import { Ipv4Cidr, Key32, MeshIp, MeshRanges, NodeId, nskBytes, schemaFault } from '@plexd/protocol'
import { CliError, describeError, exitCodes, ownersHere, writeFileAtomic } from '@plexd/runtime'
import { type Static, Type } from 'typebox'
import { Check, Errors } from 'typebox/value'
import { readOwnSecret } from './own-secret.ts'

/** What changes with a rotation. */
const Keys = Type.Object({
  /** WireGuard, base64. */
  private_key: Key32,
  node_secret_key: Type.String(),
  /** The bearer token; control planes without one take the node secret key. */
  node_token: Type.Optional(Type.String()),
})
export type Keys = Static<typeof Keys>

/** Who this node is. One file, so that a crash never leaves half of it. */
export const Identity = Type.Object({
  node_id: NodeId,
  mesh_ip: MeshIp,
  /** All addresses of the mesh; other control planes do not say. */
  mesh_ranges: Type.Optional(MeshRanges),
  /** That of the node's own address: all that an older version knows, which would guess a larger one. */
  mesh_range: Type.Optional(Ipv4Cidr),
  hostname: Type.String(),
  ...Keys.properties,
  signing_public_key: Key32,
  /** A key that the control plane may know already: saved before it is sent, promoted when it is accepted. */
  pending_private_key: Type.Optional(Key32),
  /** The event that the last rotation answered, so that its replay does not rotate again. */
  rotation_event_id: Type.Optional(Type.String()),
  /** This control plane has shown that it puts its mark on every answer: what lacks it is not from there. */
  marked_answers: Type.Optional(Type.Boolean()),
  /** What the last rotations replaced, newest first: a control plane that is restored from a backup may know no other. */
  former: Type.Optional(Type.Array(Keys)),
})
export type Identity = Static<typeof Identity>

/** The identity of a running daemon. */
export interface IdentityStore {
  /** As it is on the disk: a token that is sent from here is one that a restart will find. */
  current(): Identity
  /** One after the other. In force, and on the disk, when it resolves; nothing has changed when it rejects. */
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

/** All addresses of the mesh; undefined where the control plane never said. */
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

/** So many rotations may lie behind a backup. More of them are more secrets on the disk, which nobody else forgets. */
const formerKept = 3

/** With other keys in force; those of now are kept, nothing is thrown away but what is too old. */
export function withKeys(now: Identity, keys: Keys): Identity {
  const { private_key: _, node_secret_key: __, node_token: ___, former = [], ...rest } = now
  const others = former.filter((each) => bearerOf(each) !== bearerOf(keys))
  return { ...rest, ...keysOf(keys), former: [keysOf(now), ...others].slice(0, formerKept) }
}

export async function saveIdentity(dataDir: string, identity: Identity): Promise<void> {
  await writeFileAtomic(join(dataDir, fileName), `${JSON.stringify(identity, null, 2)}\n`)
}

/**
 * Undefined when the node was never registered. Reads the four files of the Go agent too; they hold no hostname, so
 * `hostname` stands in. Throws a CliError for files that are there but cannot be an identity, or are not
 * kept from others.
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

/** The words of a parser quote what they stumble on, which may be a key. */
function parseStored(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TypeError(`${fileName} is no JSON: it is damaged, or cut off`)
  }
}

/** Throws a TypeError that names the field which does not fit, never its value. */
export function checkIdentity(candidate: unknown): Identity {
  if (!Check(Identity, candidate)) {
    throw new TypeError(schemaFault(Errors(Identity, candidate), { whole: 'identity' }))
  }
  nskBytes(candidate.node_secret_key)
  return candidate
}

const fileName = 'identity.json'
const goFileNames = ['private_key', 'node_secret_key', 'signing_public_key']

/** Whether they are there or not. */
export function identityFiles(dataDir: string): string[] {
  return [fileName, ...goFileNames].map((name) => join(dataDir, name))
}

/** `identity.json` of the Go agent has no keys; they stand beside it, the signing key as well. */
function readGoFiles(dataDir: string): Record<string, string> {
  const owners = ownersHere(dataDir)
  return Object.fromEntries(
    goFileNames.flatMap((name) => {
      const text = readOwnSecret(join(dataDir, name), owners)
      return text === undefined ? [] : [[name, text.trim()]]
    }),
  )
}
