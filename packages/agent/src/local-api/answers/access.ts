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

/** What the table of the local API asks for beside being able to connect. */
export function needs(name: RouteName): 'secrets' | 'root' | undefined {
  const { auth } = localApi[name]
  if (auth === 'local_secrets') return 'secrets'
  return auth === 'local_root' ? 'root' : undefined
}

/** Who might as well send the daemon a signal, were it not in a namespace where nobody else knows its process id. */
export function mayStop(caller: Caller, ownUid: number): boolean {
  if (caller.via === 'token' || !caller.credentials) return false
  return [0, ownUid].includes(caller.credentials.uid)
}

/** Everybody with the token may; a process of which nothing is known may not. */
export function mayReadSecrets(caller: Caller, { ownUid, secretsGid }: SecretAccess): boolean {
  if (caller.via === 'token') return true
  if (!caller.credentials) return false
  const { uid, gid, groups } = caller.credentials
  if (uid === 0 || uid === ownUid) return true
  return secretsGid !== undefined && (gid === secretsGid || groups.includes(secretsGid))
}
