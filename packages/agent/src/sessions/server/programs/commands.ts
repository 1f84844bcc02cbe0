import { basename } from 'node:path'
import { findSftpServer } from './sftp-server.ts'

/** What a client asks to run. */
export type Asked = { kind: 'shell' } | { kind: 'exec'; command: string } | { kind: 'sftp' }

type Argv = readonly [string, ...string[]]

/** Those that read what a login shell reads when they are called with `-l`. */
const loginShells = ['ash', 'bash', 'csh', 'dash', 'fish', 'ksh', 'mksh', 'sh', 'tcsh', 'zsh']

/** The command for it, with the shell of the user. Rejects if the machine lacks it. */
export async function commandOf(asked: Asked, shell: string): Promise<Argv> {
  if (asked.kind === 'exec') return [shell, '-c', asked.command]
  if (asked.kind === 'shell') return loginShells.includes(basename(shell)) ? [shell, '-l'] : [shell]
  const server = await findSftpServer()
  if (server !== undefined) return [server]
  throw new Error(
    'copy files: "sftp-server" is not installed on the node: apt-get install openssh-sftp-server',
  )
}
