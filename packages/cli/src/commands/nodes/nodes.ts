import { formatNode, type Node } from '@plexd/protocol'
import { addYesFlag, confirm, printable } from '@plexd/runtime'
import { type Admin, call, custom, type JsonFlag, list, nodeArgument, noun } from '../../command.ts'
import { allPages, type Context } from '../../context.ts'
import { selectorFlag } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { ageOf, formatLabels, printDone } from '../../terminal/output.ts'
import { describeNode, statusOf, troublesOf } from './describe-node.ts'
import { labelCommands } from './labels.ts'

interface RemoveFlags extends JsonFlag {
  force?: boolean
  yes?: boolean
}

const afterForce =
  'all other nodes get fresh PSKs within half a minute; replace the secrets that it could read'

export const nodeCommands = noun(
  { name: 'node', description: 'the machines of the mesh' },
  list({
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
      [
        'hostname',
        (node, io) => `${node.hostname}${troublesOf(node, io).length > 0 ? ' (!)' : ''}`,
      ],
      'id',
      ['status', statusOf],
      'mesh_ip',
      ['endpoint', ({ endpoint }) => endpoint || '-'],
      ['version', ({ version }) => version || '-'],
      ['key age', ({ key_changed_at }, io) => ageOf(key_changed_at, io)],
      ['seen', ({ last_seen_at }, io) => ageOf(last_seen_at, io)],
      ['labels', ({ labels }) => formatLabels(labels)],
    ],
    notes: printTroubles,
  }),
  call({
    name: 'show',
    description: 'show one node',
    args: [nodeArgument],
    examples: ['plexctl node show web-01', 'plexctl node show n_abc123 --json'],
    call: (admin: Admin, name: string) => admin.getNode({ params: { node: name } }),
    lines: describeNode,
  }),
  call({
    name: 'rename',
    description: 'give a node another hostname; its id and all that is for it stay',
    args: [nodeArgument, ['<hostname>', 'the new one']],
    examples: ['plexctl node rename web-01 web-02'],
    call: (admin: Admin, name: string, hostname: string) =>
      admin.renameNode({ params: { node: name }, body: { hostname } }),
    text: ({ id, hostname }) => `${id} is "${hostname}" now`,
  }),
  custom({
    name: 'remove',
    description: 'remove a node from the mesh at once',
    args: [nodeArgument],
    flags: (command) =>
      addYesFlag(command).option(
        '--force',
        'it is lost or compromised: give all other nodes fresh PSKs as well',
      ),
    examples: [
      'plexctl node remove web-01',
      'plexctl node remove web-01 --yes',
      'plexctl node remove stolen-laptop --force --yes',
    ],
    run: removeNode,
  }),
  call({
    name: 'rotate-keys',
    description: 'ask a node to rotate its WireGuard key, and with it its NSK and its token',
    args: [nodeArgument],
    examples: ['plexctl node rotate-keys web-01'],
    call: (admin: Admin, name: string) => admin.requestKeyRotation({ params: { node: name } }),
    text: (_body, name) => `asked "${name}" to rotate its key`,
  }),
  labelCommands,
)

/** Asks by name and id, whichever was typed. */
async function removeNode(
  { io, connect }: Context,
  name: string,
  { force, yes, json }: RemoveFlags,
): Promise<void> {
  const { admin } = await connect()
  const params = { node: name }
  if (!yes) {
    const { id, hostname } = (await admin.getNode({ params })).body
    await confirm(io, { what: `remove node "${formatNode(id, hostname)}" from the mesh` })
  }
  const { body } = await admin.removeNode({ params, query: force ? { force: 'true' } : {} })
  printDone(io, body, { json, text: `removed "${name}"${force ? `: ${afterForce}` : ''}` })
}

/** A line for each mark of the list. */
function printTroubles(io: Io, nodes: readonly Node[]): void {
  for (const trouble of nodes.flatMap((node) => troublesOf(node, io)))
    io.stdout.write(`(!) ${printable(trouble)}\n`)
}
