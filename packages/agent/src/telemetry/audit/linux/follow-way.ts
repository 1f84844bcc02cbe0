import type { AuditRecord } from '@plexd/protocol'
import type { Clock, Log } from '@plexd/runtime'
import type { OpenRawSocket } from '../../../process/sockets/raw-socket.ts'
import type { Collector } from '../../buffer/collector.ts'
import { startFiles } from '../../logs/files/start-files.ts'
import type { Intake } from '../../logs/records/intake.ts'
import { parseLine } from '../events/audit-line.ts'
import type { Way } from './choose.ts'
import type { AuditIntake } from './intake.ts'
import { readNetlink } from './netlink-source.ts'
import { readPlugin } from './plugin-source.ts'
import { withoutProgress } from './progress.ts'

export interface FollowDeps {
  collector: Collector<AuditRecord>
  intake: AuditIntake
  openSocket: OpenRawSocket
  isDaemonRunning(): Promise<boolean>
  clock: Clock
  log: Log
}

/** How often it is looked whether an auditd still writes to its log. */
const lookMs = 30_000

/** Reads what comes by that way. Resolves to the reason for which nothing comes any more; rejects if it cannot be read. */
export async function followWay(way: Way, deps: FollowDeps, signal: AbortSignal): Promise<string> {
  if (way.type === 'plugin') return followPlugin(way.path, deps, signal)
  if (way.type === 'log') return followLog(way.path, deps, signal)
  return followNetlink(deps, signal)
}

async function followNetlink(
  { intake, openSocket }: FollowDeps,
  signal: AbortSignal,
): Promise<string> {
  for await (const { lines, bytes, isOverrun } of readNetlink(openSocket, signal)) {
    if (isOverrun) intake.blame('events for which the kernel had no room')
    await intake.add(lines, { bytes, cursor: { source: 'netlink', value: '' } }, signal)
  }
  return 'the kernel has closed the socket'
}

async function followPlugin(
  path: string,
  { intake }: FollowDeps,
  signal: AbortSignal,
): Promise<string> {
  for await (const { lines, bytes } of readPlugin(path, signal))
    await intake.add(lines, { bytes, cursor: { source: path, value: '' } }, signal)
  return 'auditd has closed the connection'
}

async function followLog(path: string, deps: FollowDeps, signal: AbortSignal): Promise<string> {
  const { collector, intake, isDaemonRunning, clock, log } = deps
  const lines: Intake = {
    add: (said, bytes, cursor, ended) =>
      intake.add(
        said.map(({ text }) => parseLine(text)),
        { bytes, cursor },
        ended,
      ),
  }
  const kept = withoutProgress(collector)
  await using files = startFiles({
    ...{ patterns: [path], collector: kept, intake: lines, isFirst: undefined, clock, log },
  })
  for (;;) {
    await clock.sleep(lookMs, signal)
    const [found] = files.sources()
    if (found?.state === 'failed') return found.detail
    if (!(await isDaemonRunning())) return 'auditd has ended'
  }
}
