import type { DaemonStatus, TelemetryStatus, UpgradeStatus } from '@plexd/protocol'
import { printable } from '@plexd/runtime'
import type { Static } from 'typebox'
import { show } from './local.ts'

export const runStatus = show('read status', (client) => client.getStatus({}), formatStatus)

type Queued = NonNullable<Static<typeof DaemonStatus>['queues']>[number]

/** For people: one fact per line, problems last, where they are seen. */
export function formatStatus(status: Static<typeof DaemonStatus>, nowMs: number): string {
  const { control_plane, mesh, counts } = status
  const facts: [string, string][] = [
    [
      'node',
      status.node_id === '' ? 'not registered yet' : `${status.node_id} (${status.hostname})`,
    ],
    ['mesh ip', status.mesh_ip || 'none'],
    ['version', `${status.version}, up ${status.uptime}`],
    ...(status.stopping ? [stopping] : []),
    ...describeUpgrade(status.upgrade),
    ['control plane', describePlace(control_plane)],
    ...(control_plane.addresses?.map((address) => describeAddress(address, nowMs)) ?? []),
    [
      'event stream',
      `${control_plane.stream}, last event ${control_plane.last_event_id || 'none'}`,
    ],
    ['heartbeat', ago(control_plane.last_heartbeat_at, nowMs)],
    [
      'reconciled',
      `${ago(control_plane.last_reconcile_at, nowMs)}, revision ${status.revision || 'none'}`,
    ],
    ['clock', `${control_plane.clock_skew_seconds} s from the control plane's`],
    ['mesh', describeMesh(mesh)],
    ['mesh ranges', mesh.ranges?.join(' ') || 'none'],
    [
      'holds',
      `${counts.metadata} metadata, ${counts.data} data, ${counts.secrets} secrets, ${counts.reports} reports`,
    ],
    ...describeSessions(status.sessions),
    ['waiting', `${counts.reports_unsynced} reports, ${counts.pending_results} action results`],
    ...(status.queues?.map(describeQueue) ?? []),
    ...(status.telemetry?.map(describeTelemetry) ?? []),
  ]
  if (status.needs_restart) facts.push(['next start', `changes ${status.needs_restart.join(' ')}`])
  const lines = facts.map(([name, value]) => `${`${name}:`.padEnd(15)}${printable(value)}\n`)
  return lines.join('') + formatProblems(status.problems)
}

const stopping: [string, string] = [
  'stopping',
  'once the actions that run have ended, 30 s at most',
]

function describeUpgrade(upgrade: UpgradeStatus | undefined): [string, string][] {
  if (!upgrade) return []
  const { version, from, status, reason, at } = upgrade
  const why = reason === '' ? '' : `: ${reason}`
  return [['upgrade', `${version} from ${from}, ${words[status]} (${at})${why}`]]
}

function describeSessions(sessions: Static<typeof DaemonStatus>['sessions']): [string, string][] {
  if (!sessions) return []
  const { open, max_sessions, reason } = sessions
  const note = reason === '' ? '' : `; no more are opened: ${reason}`
  return [['sessions', `${open} open, at most ${max_sessions}${note}`]]
}

const words = { on_trial: 'on trial', confirmed: 'works', rolled_back: 'rolled back' } as const

function describeQueue(queue: Queued): [string, string] {
  const { name, items, bytes, dropped, refused } = queue
  const lost = [
    ...(dropped > 0 ? [`${dropped} dropped for want of room`] : []),
    ...(refused > 0 ? [`${refused} refused by the control plane`] : []),
  ]
  return [`  ${name}`, [`${items} queued, ${bytes} bytes`, ...lost].join(', ')]
}

function describeTelemetry(status: TelemetryStatus): [string, string] {
  const { kind, enabled, reason, records, bytes, lag_seconds, dropped, refused } = status
  if (!enabled) return [`  ${kind}`, reason]
  const late = records > 0 ? [`${lag_seconds} s behind`] : []
  const lost = dropped + refused > 0 ? [`${dropped + refused} lost`] : []
  return [`  ${kind}`, [`${records} records queued, ${bytes} bytes`, ...late, ...lost].join(', ')]
}

function describeAddress(
  { url, in_use, last_error, failed_at }: Address,
  nowMs: number,
): [string, string] {
  const name = in_use ? '  in use' : '  other'
  return [name, last_error === '' ? url : `${url}: ${ago(failed_at, nowMs)}: ${last_error}`]
}

type Address = NonNullable<Static<typeof DaemonStatus>['control_plane']['addresses']>[number]

function describePlace({ url, proxy }: Static<typeof DaemonStatus>['control_plane']): string {
  return proxy === undefined ? url : `${url} by the proxy ${proxy}`
}

function describeMesh({
  enabled,
  backend,
  interface: name,
  peers,
  reason,
}: Static<typeof DaemonStatus>['mesh']): string {
  if (!enabled)
    return `disabled: ${reason ?? 'no reason given'}; ${peers} ${peers === 1 ? 'peer' : 'peers'} known`
  if (backend === 'none')
    return `${name} is not up; ${peers} ${peers === 1 ? 'peer' : 'peers'} known`
  return `${name} (${backend}), ${peers} ${peers === 1 ? 'peer' : 'peers'}`
}

function formatProblems(problems: readonly string[]): string {
  if (problems.length === 0) return `${'problems:'.padEnd(15)}none\n`
  return `problems:\n${problems.map((problem) => `  - ${printable(problem)}\n`).join('')}`
}

function ago(time: string | null, nowMs: number): string {
  if (time === null) return 'never'
  return `${Math.max(0, Math.round((nowMs - Date.parse(time)) / 1_000))} s ago`
}
