import {
  type Check,
  describeMissing,
  type Finding,
  failed,
  findTool,
  installTool,
  ok,
  warning,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { findSftpServer } from '../sessions/server/programs/sftp-server.ts'

/** Whether operators can open sessions on this machine. */
export const sessionsCheck: Check<AgentConfig> = { name: 'sessions', run: checkSessions }

async function checkSessions({ sessionsEnabled, maxSessions }: AgentConfig): Promise<Finding> {
  if (!sessionsEnabled) return ok('they are switched off')
  if ((await findTool('setpriv')) === undefined)
    return failed(
      `nothing runs as the user of a session: ${describeMissing('setpriv')}`,
      installTool('setpriv'),
    )
  if ((await findSftpServer()) === undefined)
    return warning(
      'no files can be copied in a session: "sftp-server" is not installed',
      'apt-get install openssh-sftp-server',
    )
  if (process.getuid?.() !== 0) return ok(`at most ${maxSessions}, as the user that plexd runs as`)
  return ok(`at most ${maxSessions}`)
}
