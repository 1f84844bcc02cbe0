import type { Stats } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Check, type Finding, failed, ok, warning } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { findGroup } from '../local-api/sockets/group.ts'

/** Whether programs on this machine can use the socket of the Local Node API. */
export const socketCheck: Check<AgentConfig> = { name: 'local socket', run: checkSocket }

const group = 'plexd'

async function checkSocket({ socketPath, socketEnabled }: AgentConfig): Promise<Finding> {
  if (!socketEnabled) return ok('not needed: it is switched off')
  const found = await lstat(socketPath).catch(() => undefined)
  if (!found) return warning(`there is no "${socketPath}"`, 'plexd up, which makes it again')
  if (!found.isSocket()) return failed(`"${socketPath}" is not a socket`, `rm -r ${socketPath}`)
  const gid = await findGroup(group)
  if (gid === undefined) return ok(`${socketPath}, for root alone: there is no group ${group}`)
  const closed = await closedFolder(socketPath, gid)
  if (closed !== undefined)
    return warning(`the folder "${closed}" is closed to the group ${group}`, `chmod o+x ${closed}`)
  if (found.gid === gid && (found.mode & 0o060) === 0o060)
    return ok(`${socketPath}, for root and the group ${group}`)
  return warning(
    `"${socketPath}" is closed to the group ${group}`,
    `chgrp ${group} ${socketPath} && chmod 660 ${socketPath}`,
  )
}

/** The topmost folder of the path that members of the group cannot enter. */
async function closedFolder(path: string, gid: number): Promise<string | undefined> {
  const folder = dirname(path)
  if (folder === path) return undefined
  const above = await closedFolder(folder, gid)
  if (above !== undefined) return above
  const found = await stat(folder).catch(() => undefined)
  return found && !isOpen(found, gid) ? folder : undefined
}

function isOpen({ mode, gid }: Stats, ours: number): boolean {
  return (mode & 0o001) !== 0 || (gid === ours && (mode & 0o010) !== 0)
}
