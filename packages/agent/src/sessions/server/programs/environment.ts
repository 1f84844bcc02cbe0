/** What programs of a session have in their environment. */
import type { Account } from '../../authorisation/accounts.ts'

export interface SessionIdentity {
  sessionId: string
  token: string
}

const userPath = '/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games'
const rootPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** `term` is that of the terminal, if there is one; `accepted` are variables of the client. Pure. */
export function sessionEnvironment(
  { name, home, shell, uid }: Account,
  { sessionId, token }: SessionIdentity,
  { term, accepted }: { term: string | undefined; accepted: ReadonlyMap<string, string> },
): Record<string, string> {
  return {
    ...Object.fromEntries(accepted),
    ...(term === undefined ? {} : { TERM: terminalName(term) }),
    PATH: uid === 0 ? rootPath : userPath,
    HOME: home,
    USER: name,
    LOGNAME: name,
    SHELL: shell,
    PLEXD_SESSION_ID: sessionId,
    PLEXD_SESSION_TOKEN: token,
  }
}

const maxValueLength = 256

/** Of a client only the language is taken: other variables change what programs do. Pure. */
export function isAccepted(name: string, value: string): boolean {
  return (
    /^(LANG|LC_[A-Z]{1,32})$/.test(name) &&
    value.length <= maxValueLength &&
    /^[\w.,@:-]*$/.test(value)
  )
}

/** Programs look it up as the name of a file. */
function terminalName(term: string): string {
  return /^[\w.+-]{1,64}$/.test(term) && !term.startsWith('.') ? term : 'dumb'
}
