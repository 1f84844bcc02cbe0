import { access, constants } from 'node:fs/promises'

/** Where distributions put the sftp-server of OpenSSH. */
const places = [
  '/usr/lib/openssh/sftp-server',
  '/usr/libexec/openssh/sftp-server',
  '/usr/lib/ssh/sftp-server',
  '/usr/libexec/sftp-server',
]

/** Its path; undefined if it is not installed. */
export async function findSftpServer(): Promise<string | undefined> {
  for (const path of places) {
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return undefined
}
