import { type Exec, ExecError, exec } from '@plexd/runtime'

export interface ProgramUser {
  uid: number
  gid: number
  /** Without a name the user is in no other group. */
  name?: string
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
  const line = await run(['getent', 'passwd', '--', user]).catch((error: unknown) => {
    // 2: no such key (getent(1)).
    if (error instanceof ExecError && error.exitCode === 2) return ''
    throw error
  })
  const [name, , uid, gid, , home] = line.split('\n')[0]?.split(':') ?? []
  if (name && uid !== undefined && gid !== undefined)
    return { name, uid: Number(uid), gid: Number(gid), home: home || '/' }
  return /^\d{1,9}$/.test(user) ? { uid: Number(user), gid: Number(user), home: '/' } : undefined
}

/** The options of setpriv(1). */
export function userOptions({ uid, gid, name }: ProgramUser): string[] {
  const groups = name === undefined ? '--clear-groups' : '--init-groups'
  return [`--reuid=${uid}`, `--regid=${gid}`, groups, '--inh-caps=-all']
}
