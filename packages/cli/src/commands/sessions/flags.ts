import { userInfo } from 'node:os'
import type { SessionSpec } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import type { Command } from 'commander'
import { collectText, durationFlag } from '../../terminal/input.ts'

/** What all commands take that open a session. */
export interface SessionFlags {
  login?: string
  mesh?: boolean
  ttl?: string
  record?: boolean
  recordInput?: boolean
}

/** The node as these commands take it. */
export const placeArgument = ['<node>', 'id or hostname; LOGIN@NODE for another login'] as const

export const sessionArgument = ['<session>', 'its id, as `session list` shows it'] as const

export const meshHelp = 'to its mesh address, not by the control plane; from machines of the mesh'

export function addSessionFlags(command: Command): Command {
  return command
    .option('-l, --login <login>', 'user of the node (default: your own user name here)')
    .option('--mesh', meshHelp)
    .option('--ttl <duration>', 'after which it ends, whatever happens (default 1h)', durationFlag)
    .option('--no-record', 'without a recording; needs the permission sessions.unrecorded')
}

export function addRecordInput(command: Command): Command {
  return command.option('--record-input', 'also what is typed, passwords too')
}

export function addActions(command: Command): Command {
  return command.option(
    '--allow-action <pattern>',
    'programs in it may run these actions by the Local Node API: a name, "ns.*", "*"; may be repeated',
    collectText,
  )
}

/** A node and who one is there. */
export interface Place {
  node: string
  login: string
}

/** As ssh takes it: the user in front of the node, or behind -l, or the one of this machine. */
export function placeOf(text: string, { login }: SessionFlags): Place {
  const at = text.lastIndexOf('@')
  const named = at < 0 ? undefined : text.slice(0, at)
  if (named !== undefined && login !== undefined && named !== login)
    throw new CliError(
      `two logins given, "${named}" and "${login}": leave one out`,
      exitCodes.usage,
    )
  return { node: text.slice(at + 1), login: named ?? login ?? localUser() }
}

/** What is asked of the control plane, apart from the key. */
export function specOf(
  { node, login }: Place,
  { mesh, ttl, record, recordInput }: SessionFlags,
): Omit<SessionSpec, 'public_key'> {
  return {
    node,
    login,
    way: mesh ? 'mesh' : 'relay',
    ttl,
    ...(record === false ? { record } : {}),
    ...(recordInput ? { record_input: true } : {}),
  }
}

function localUser(): string {
  try {
    return userInfo().username
  } catch (cause) {
    throw new CliError('find out your user name: use -l LOGIN', exitCodes.usage, { cause })
  }
}
