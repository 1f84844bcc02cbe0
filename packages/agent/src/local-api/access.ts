import { localApi } from '@plexd/protocol'
import type { Caller } from './answer.ts'
import type { RouteName } from './routes.ts'

/** Who may read secret values beside root. */
export interface SecretAccess {
  /** The user that the daemon itself runs as. */
  ownUid: number
  /** The group for it; undefined while there is no such group. */
  secretsGid: number | undefined
}

/** Whether the table of the local API asks for more than being able to connect. */
export function needsSecretAccess(name: RouteName): boolean {
  return localApi[name].auth === 'local_secrets'
}

/** Everybody with the token may; a process of which nothing is known may not. */
export function mayReadSecrets(caller: Caller, { ownUid, secretsGid }: SecretAccess): boolean {
  if (caller.via === 'token') return true
  if (!caller.credentials) return false
  const { uid, gid, groups } = caller.credentials
  if (uid === 0 || uid === ownUid) return true
  return secretsGid !== undefined && (gid === secretsGid || groups.includes(secretsGid))
}
