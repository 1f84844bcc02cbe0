import { type Exec, exec } from '@plexd/runtime'
import { askNames } from '../../process/getent.ts'

export interface ProgramUser {
  uid: number
  gid: number
  /** Absent for a number that passwd(5) does not have. */
  name?: string
  /** The other groups of the user. */
  groups: readonly number[]
  /** Its home folder. */
  home: string
}

/**
 * The user of this name or id; undefined for the one that we run as. Rejects if there is none, or if only root may run
 * as it.
 */
export async function findUser(
  user: string | number | undefined,
  run: Exec = exec,
): Promise<ProgramUser | undefined> {
  if (user === undefined) return undefined
  const own = process.getuid?.()
  const found = await lookUp(String(user), run)
  if (!found) throw new Error(`run as "${user}": there is no such user`)
  if (found.uid === own) return undefined
  if (own !== 0) throw new Error(`run as "${user}": plexd does not run as root`)
  return found
}

async function lookUp(user: string, run: Exec): Promise<ProgramUser | undefined> {
  const line = (await askNames(['passwd', user], { run })) ?? ''
  const [name, , uid = '', gid = '', , home] = line.split('\n')[0]?.split(':') ?? []
  if (name && isId(uid) && isId(gid)) {
    const ids = { uid: Number(uid), gid: Number(gid) }
    return { name, ...ids, groups: await findGroups(name, run), home: home || '/' }
  }
  if (line !== '' || !/^\d{1,9}$/.test(user)) return undefined
  return { uid: Number(user), gid: Number(user), groups: [], home: '/' }
}

/** The highest means "leave it as it is" to the kernel (setresuid(2)): a program would stay root. Pure. */
export function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 0xffff_ffff
}

/** The groups that this name is a member of; another name of the same user may be in others. */
export async function findGroups(name: string, run: Exec = exec): Promise<number[]> {
  const text = await run(['getent', 'initgroups', '--', name])
  const [, ...ids] = text.trim().split(/\s+/)
  return ids.filter(isId).map(Number)
}

/** The options of setpriv(1), which takes a number for a name if a user or a group is called so, but not with its sign. Pure. */
export function userOptions({ uid, gid, groups }: ProgramUser): string[] {
  const all = [...new Set([gid, ...groups])].map((id) => `+${id}`)
  return [`--reuid=+${uid}`, `--regid=+${gid}`, `--groups=${all.join(',')}`, '--inh-caps=-all']
}
