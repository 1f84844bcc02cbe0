import { formatNode, type IdentityInUse, type Node, type NodeDetail } from '@plexd/protocol'
import { addYesFlag, confirm, jsonText, printable } from '@plexd/runtime'
import type { Command } from 'commander'
import { type Admin, addCall, addList, type JsonFlag, nodeArgument } from '../../command.ts'
import { allPages, type Context, examples, jsonHelp } from '../../context.ts'
import { selectorFlag } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { ageOf, formatLabels, printDone, printItem } from '../../terminal/output.ts'
import { describeUpgrade } from './describe-upgrade.ts'
import { addLabelCommands } from './labels.ts'

interface RemoveFlags extends JsonFlag {
  force?: boolean
  yes?: boolean
}

const afterForce =
  'all other nodes get fresh PSKs within half a minute; replace the secrets that it could read'

export function addNodeCommands(program: Command, context: Context): void {
  const { io, connect } = context
  const node = program
    .command('node')
    .description('the machines of the mesh')
    .addHelpText('after', examples('plexctl node list'))

  addList(node, context, {
    description: 'list nodes',
    flags: (command) =>
      command.option(
        '--selector <selector>',
        'only those whose labels match; reported.KEY is what they say of themselves',
        selectorFlag,
      ),
    examples: [
      'plexctl node list',
      "plexctl node list --selector 'env=prod,role in (web,api)' --json",
      "plexctl node list --selector 'reported.os=linux,!env'",
    ],
    items: (admin: Admin, { selector }: { selector?: string }) =>
      allPages((page) => admin.listNodes({ query: { ...page, selector } })),
    columns: [
      ['hostname', (node) => `${node.hostname}${troublesOf(node, io).length > 0 ? ' (!)' : ''}`],
      ['id', ({ id }) => id],
      ['status', statusOf],
      ['mesh ip', ({ mesh_ip }) => mesh_ip],
      ['endpoint', ({ endpoint }) => endpoint || '-'],
      ['version', ({ version }) => version || '-'],
      ['key age', ({ key_changed_at }) => ageOf(key_changed_at, io)],
      ['seen', ({ last_seen_at }) => ageOf(last_seen_at, io)],
      ['labels', ({ labels }) => formatLabels(labels)],
    ],
    notes: (nodes) => printTroubles(io, nodes),
  })

  addCall(node, context, {
    name: 'show',
    description: 'show one node',
    args: [nodeArgument],
    examples: ['plexctl node show web-01', 'plexctl node show n_abc123 --json'],
    call: (admin: Admin, name: string) => admin.getNode({ params: { node: name } }),
    print: (shown, json) => printItem(io, shown, { json, lines: (item) => describeNode(item, io) }),
  })

  addCall(node, context, {
    name: 'rename',
    description: 'give a node another hostname; its id and all that is for it stay',
    args: [nodeArgument, ['<hostname>', 'the new one']],
    examples: ['plexctl node rename web-01 web-02'],
    call: (admin: Admin, name: string, hostname: string) =>
      admin.renameNode({ params: { node: name }, body: { hostname } }),
    text: ({ id, hostname }) => `${id} is "${hostname}" now`,
  })

  addYesFlag(node.command('remove'))
    .description('remove a node from the mesh at once')
    .argument('<node>', 'id or hostname')
    .option('--force', 'it is lost or compromised: give all other nodes fresh PSKs as well')
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      examples(
        'plexctl node remove web-01',
        'plexctl node remove web-01 --yes',
        'plexctl node remove stolen-laptop --force --yes',
      ),
    )
    .action(async (name: string, { force, yes, json }: RemoveFlags) => {
      const { admin } = await connect()
      if (!yes) await confirmRemoval(io, (await admin.getNode({ params: { node: name } })).body)
      const { body } = await admin.removeNode({
        params: { node: name },
        query: force ? { force: 'true' } : {},
      })
      printDone(io, body, { json, text: `removed "${name}"${force ? `: ${afterForce}` : ''}` })
    })

  addCall(node, context, {
    name: 'rotate-keys',
    description: 'ask a node to rotate its WireGuard key, and with it its NSK and its token',
    args: [nodeArgument],
    examples: ['plexctl node rotate-keys web-01'],
    call: (admin: Admin, name: string) => admin.requestKeyRotation({ params: { node: name } }),
    text: (_body, name) => `asked "${name}" to rotate its key`,
  })

  addLabelCommands(node, context)
}

/** By name and id, whichever was typed. */
function confirmRemoval(io: Io, { id, hostname }: Node): Promise<void> {
  return confirm(io, { what: `remove node "${formatNode(id, hostname)}" from the mesh` })
}

/** A line for each mark of the list. */
function printTroubles(io: Io, nodes: readonly Node[]): void {
  for (const trouble of nodes.flatMap((node) => troublesOf(node, io)))
    io.stdout.write(`(!) ${printable(trouble)}\n`)
}

/** A node is only what it says when nothing is wrong with it. What one that is away said may be so no longer. */
function statusOf(node: Node): string {
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

function troublesOf(node: Node, io: Io): string[] {
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

function describeNode(node: NodeDetail, io: Io): Record<string, string> {
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
