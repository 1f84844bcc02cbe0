import type { IdentityInUse, Node, NodeDetail } from '@plexd/protocol'
import { jsonText } from '@plexd/runtime'
import type { Io } from '../../terminal/io.ts'
import { ageOf, formatLabels } from '../../terminal/output.ts'
import { describeUpgrade } from './describe-upgrade.ts'

/** A node is only what it says when nothing is wrong with it. What one that is away said may be so no longer. */
export function statusOf(node: Node): string {
  const { status, problems, no_room } = node
  const words = [status, ...(isOtherBinary(node) ? ['binary mismatch'] : [])]
  if (status !== 'online' && problems.length > 0)
    return [...words, ...countOf(no_room), `last said ${countOf(problems)}`].join(', ')
  return [...words, ...countOf([...no_room, ...problems])].join(', ')
}

function isOtherBinary({ binary }: Node): boolean {
  return binary?.state === 'mismatch'
}

function countOf({ length }: readonly string[]): string[] {
  return length === 0 ? [] : [`${length} ${length === 1 ? 'problem' : 'problems'}`]
}

/** What is wrong with it, and what to do. */
export function troublesOf(node: Node, io: Io): string[] {
  const { id, hostname, hostname_trouble, version_trouble, identity_in_use } = node
  const { problems, no_room } = node
  return [
    ...(hostname_trouble === '' ? [] : [`${hostname_trouble}: plexctl node rename ${id} HOSTNAME`]),
    ...(identity_in_use
      ? [`two machines have the identity of "${hostname}": ${describeCopy(identity_in_use)}`]
      : []),
    ...(version_trouble === undefined ? [] : [`${hostname}: ${version_trouble}`]),
    ...(isOtherBinary(node) ? [`${hostname} ${describeMismatch(node, io)}`] : []),
    ...no_room.map((text) => `${hostname}: ${text}`),
    ...problems.map((problem) => `${hostname} ${saidWhen(node, io)}: ${problem}`),
  ]
}

function describeMismatch({ binary }: Node, io: Io): string {
  if (binary === null) return ''
  const { version, checksum, since } = binary
  return `has run for ${ageOf(since, io)} what calls itself plexd ${version} and is no build of it that is known: ${checksum}; if you know it, "plexctl artifact trust"`
}

function saidWhen({ status, problems_said_at, last_seen_at }: Node, io: Io): string {
  return status === 'online'
    ? `has said for ${ageOf(problems_said_at, io)}`
    : `last said ${ageOf(last_seen_at, io)} ago`
}

function describeCopy({ since, addresses }: IdentityInUse): string {
  return `seen from ${addresses.join(' and ')} since ${since}; on the copy stop plexd, remove its data dir, and join again with a token of "plexctl token create"`
}

/** All of it, by name. */
export function describeNode(node: NodeDetail, io: Io): Record<string, string> {
  const names = (list: readonly { name: string }[] | null | undefined): string =>
    (list ?? []).map(({ name }) => name).join(' ')
  return {
    id: node.id,
    hostname: node.hostname,
    'to be renamed': node.hostname_trouble,
    'identity in use': node.identity_in_use ? describeCopy(node.identity_in_use) : '',
    status: `${node.status}, ${node.connected ? 'connected' : 'not connected'}`,
    problems:
      node.problems.length === 0 ? '' : `${saidWhen(node, io)}: ${node.problems.join('; ')}`,
    'no room for': node.no_room.join('; '),
    'last seen':
      node.last_seen_at === null
        ? ''
        : `${node.last_seen_at} (${ageOf(node.last_seen_at, io)} ago)`,
    registered: node.registered_at,
    'mesh ip': node.mesh_ip,
    'mesh range': node.mesh_range,
    endpoint: node.endpoint,
    'nat type': node.nat_type,
    local: node.local_endpoints.join(' '),
    'public key': node.public_key,
    'key age': `${ageOf(node.key_changed_at, io)}, since ${node.key_changed_at}${node.key_rotation_requested ? ', a new one is asked for' : ''}`,
    version: node.version,
    'not served': node.version_trouble ?? '',
    binary: node.binary ? `${node.binary.state}, ${node.binary.checksum}` : '',
    'not what it says': isOtherBinary(node) ? describeMismatch(node, io) : '',
    upgrade: node.upgrade ? describeUpgrade(node.upgrade, io) : '',
    labels: formatLabels(node.labels),
    reported: formatLabels(node.reported),
    revision:
      node.revision === node.fetched_revision
        ? `${node.revision}, which the node has`
        : `${node.revision}, the node has ${node.fetched_revision || 'none'}`,
    'clock skew': node.clock_skew_seconds === 0 ? '' : `${node.clock_skew_seconds} s`,
    actions: names(node.capabilities?.builtin_actions),
    hooks: names(node.capabilities?.hooks),
    heartbeat: node.heartbeat === null ? '' : jsonText(node.heartbeat),
    'reports left out': node.reports_left_out
      ? `${node.reports_left_out} entries of its last batch did not fit`
      : '',
  }
}
