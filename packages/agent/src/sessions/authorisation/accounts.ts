import { readFileSync } from 'node:fs'
import { type Clock, type Exec, exec } from '@plexd/runtime'
import { findGroups, isId, type ProgramUser } from '../../contain/launch/user.ts'
import { askNames } from '../../process/getent.ts'
import { SessionRefusal } from './refusal.ts'

/** A user of this machine, as passwd(5) has it. */
export interface Account extends ProgramUser {
  name: string
  shell: string
}

export interface AccountDeps {
  clock: Pick<Clock, 'now'>
  run?: Exec
  /** The user that plexd runs as. */
  ownUid?: number
  /** While one of them is there, only root may log in (nologin(5), pam_nologin(8)). */
  nologinFiles?: readonly string[]
}

/** The account, if its user may log in now. Rejects with a SessionRefusal. */
export async function findAccount(
  login: string,
  {
    clock,
    run = exec,
    ownUid = process.geteuid?.() ?? 0,
    nologinFiles = ['/run/nologin', '/etc/nologin'],
  }: AccountDeps,
): Promise<Account> {
  const entry = readPasswd(await lookUp('passwd', login, run), login)
  if (!entry) throw new SessionRefusal(`there is no user "${login}" on this node`)
  const fault =
    faultOfUser(entry, ownUid) ??
    faultOfShadow(await lookUp('shadow', login, run), login, clock.now()) ??
    (entry.uid === 0 ? undefined : faultOfNologin(nologinFiles))
  if (fault !== undefined) throw new SessionRefusal(fault)
  return { ...entry, groups: await findGroups(login, run) }
}

/** Undefined for another name than the wanted one: getent(1) takes a number for an id. Pure. */
export function readPasswd(line: string, login: string): Omit<Account, 'groups'> | undefined {
  const [name, , uid = '', gid = '', , home, shell] = line.split(':')
  if (name !== login || !isId(uid) || !isId(gid)) return undefined
  return {
    name,
    uid: Number(uid),
    gid: Number(gid),
    home: home || '/',
    // passwd(5): an empty one means this.
    shell: shell || '/bin/sh',
  }
}

/** A second name for root would be root without having asked for it. Pure. */
function faultOfUser(
  { name, uid }: Pick<Account, 'name' | 'uid'>,
  ownUid: number,
): string | undefined {
  if (uid === 0 && name !== 'root') return `user "${name}" is root by another name (uid 0)`
  if (ownUid !== 0 && uid !== ownUid)
    return `plexd does not run as root on this node, so no session can be of user "${name}"`
  return undefined
}

const dayMs = 24 * 3_600_000

/** By a line of shadow(5), as sshd judges it; an empty one says nothing. Pure. */
function faultOfShadow(line: string, login: string, nowMs: number): string | undefined {
  const [name, password = '', , , , , , expires = ''] = line.split(':')
  if (name !== login) return undefined
  if (password.startsWith('!')) return `the account of user "${login}" is locked`
  if (/^\d+$/.test(expires) && Math.floor(nowMs / dayMs) > Number(expires))
    return `the account of user "${login}" has expired`
  return undefined
}

function faultOfNologin(files: readonly string[]): string | undefined {
  for (const file of files) {
    try {
      const [words = ''] = readFileSync(file, 'utf8').trim().split('\n')
      return `only root may log in now: "${file}" is there${words === '' ? '' : `: ${words}`}`
    } catch {
      // not there
    }
  }
  return undefined
}

/** Its line; empty if there is none. */
async function lookUp(table: 'passwd' | 'shadow', login: string, run: Exec): Promise<string> {
  return (await askNames([table, login], { run }))?.split('\n')[0] ?? ''
}
