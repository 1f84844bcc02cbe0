import { localApi } from '@plexd/protocol'
import type { Caller, LocalRequest } from './answer.ts'
import type { RouteName } from './routes.ts'

/** Who, apart from root, may read secret values. */
export interface SecretAccess {
  /** The user that the daemon itself runs as. */
  ownUid: number
  /** The group for it; undefined if it does not exist. */
  secretsGid: number | undefined
}

/** The permission that a route requires in addition to access to the socket. */
export function needs(name: RouteName): 'secrets' | 'root' | undefined {
  const { auth } = localApi[name]
  if (auth === 'local_secrets') return 'secrets'
  return auth === 'local_root' ? 'root' : undefined
}

/** Whether a program in a session of an operator may ask too, by the token of its session. */
export function isForSessions(name: RouteName): boolean {
  return name === 'listActions' || name === 'runAction'
}

/** The session token of a program; over TCP the header has another token. */
export function tokenOf({
  caller,
  header,
}: Pick<LocalRequest, 'caller' | 'header'>): string | undefined {
  if (caller.via !== 'unix') return undefined
  return /^Bearer +(\S+) *$/i.exec(header('authorization') ?? '')?.[1]
}

/** Whether a caller may end the daemon and run actions: only who could signal it anyway; the socket is for when its PID belongs to another PID namespace. */
export function mayControl(caller: Caller, ownUid: number): boolean {
  if (caller.via === 'token' || !caller.credentials) return false
  return [0, ownUid].includes(caller.credentials.uid)
}

/** Every holder of the TCP token may; a process without known credentials may not. */
export function mayReadSecrets(caller: Caller, { ownUid, secretsGid }: SecretAccess): boolean {
  if (caller.via === 'token') return true
  if (!caller.credentials) return false
  const { uid, gid, groups } = caller.credentials
  if (uid === 0 || uid === ownUid) return true
  return secretsGid !== undefined && (gid === secretsGid || groups.includes(secretsGid))
}
