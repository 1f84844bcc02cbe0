import { basename } from 'node:path'
import { tools } from '@plexd/runtime'
import type { EventFacts } from './audit-record.ts'

export interface LeaveOutRules {
  /** Only events of rules with these; all if it is empty. */
  keys: readonly string[]
  /** Only events with a line of these; all if it is empty. */
  types: readonly string[]
  ownPid: number
  ownProgram: string
  /** Whether a process was started by plexd, for the records in which the kernel does not say who did. */
  isOwnProcess(pid: number): boolean
}

/**
 * Why an event is not sent. What plexd does itself would have no end: it writes a record about it, which is watched too. Programs of
 * hooks and sessions are not plexd's own, even if it has started them. Pure.
 */
export function reasonToLeaveOut(
  { types, keys, pid, parentPid, program = '' }: EventFacts,
  rules: LeaveOutRules,
): 'own' | 'filtered' | undefined {
  const isChild = parentPid === rules.ownPid || (pid !== undefined && rules.isOwnProcess(pid))
  const isTool = Object.hasOwn(tools, basename(program)) || program === rules.ownProgram
  if (pid === rules.ownPid || (isChild && isTool)) return 'own'
  const isAsked = (asked: readonly string[], found: readonly string[]): boolean =>
    asked.length === 0 || found.some((one) => asked.includes(one))
  // Without its system call nobody knows the keys of an event: rather one too many than a silent hole.
  const isTorn = types.every((type) => parts.has(type))
  return (isTorn || isAsked(rules.keys, keys)) && isAsked(rules.types, types)
    ? undefined
    : 'filtered'
}

/** Lines that belong to a system call, whose own line comes before them. */
const parts: ReadonlySet<string> = new Set(
  'BPRM_FCAPS CAPSET CWD EXECVE FD_PAIR MMAP OBJ_PID OPENAT2 PATH PROCTITLE SOCKADDR'.split(' '),
)
