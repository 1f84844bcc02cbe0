import { type Exec, exec, printable } from '@plexd/runtime'

/** Tells the system's log of authentications something. Never rejects: a machine without one has no such log. */
export type TellAuthLog = (text: string) => Promise<void>

export function createAuthLog(run: Exec = exec): TellAuthLog {
  return async (text) => {
    await run(['logger', '-p', 'authpriv.info', '-t', 'plexd', '--', printable(text)]).catch(
      () => {},
    )
  }
}
