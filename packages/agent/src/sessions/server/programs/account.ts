import { type Exec, exec } from '@plexd/runtime'
import { findGroups, isId, type ProgramUser } from '../../../contain/user.ts'

/** The user of a session, as passwd(5) has it. */
export interface Account extends ProgramUser {
  name: string
  shell: string
}

/** Rejects if there is none of this name. */
export async function findAccount(login: string, run: Exec = exec): Promise<Account> {
  const text = await run(['getent', 'passwd', '--', login]).catch((error: unknown) => {
    throw new Error(`find the user "${login}": there is none`, { cause: error })
  })
  const [name, , uid = '', gid = '', , home, shell] = text.trim().split(':')
  // A user whose name consists of digits is found by its number too.
  if (name !== login || !isId(uid) || !isId(gid))
    throw new Error(`find the user "${login}": there is none of exactly this name`)
  return {
    name,
    uid: Number(uid),
    gid: Number(gid),
    groups: await findGroups(name, run),
    home: home || '/',
    shell: shell || '/bin/sh', // passwd(5)
  }
}
