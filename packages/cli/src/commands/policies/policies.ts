import type { Policy, PolicyOutcome, PolicyRule } from '@plexd/protocol'
import { addYesFlag, confirm } from '@plexd/runtime'
import type { Command } from 'commander'
import { Document, visit } from 'yaml'
import { type Admin, call, custom, type JsonFlag, list, noun } from '../../command.ts'
import { allPages, type Context } from '../../context.ts'
import { decodeUtf8, quoteFile, readInput } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { age, printDone } from '../../terminal/output.ts'
import { describeCut } from './cut.ts'
import { parsePolicy } from './policy-file.ts'

const fileHelp = `
FILE is YAML or JSON, - is standard input:

  name: web-to-db
  rules:
    - from: role=web          # a label selector, node:HOSTNAME, a node id, a mesh CIDR or "*"
      to: role in (db,cache)
      port: 5432              # any when left out
      protocol: tcp           # tcp, udp, icmp or any
      action: allow           # or deny; the first rule that matches decides
`

export const policyCommands = noun(
  { name: 'policy', description: 'who may talk to whom in the mesh' },
  list({
    description: 'list policies in the order they apply',
    examples: ['plexctl policy list'],
    items: (admin: Admin) => allPages((query) => admin.listPolicies({ query })),
    columns: [
      'name',
      'id',
      'revision',
      ['rules', ({ rules }) => String(rules.length)],
      age('updated_at'),
    ],
  }),
  call({
    name: 'show',
    description: 'show one policy, in a form that `policy put` takes',
    args: [['<name>']],
    examples: ['plexctl policy show allow-all > policy.yaml'],
    call: (admin: Admin, name: string) => admin.getPolicy({ params: { name } }),
    document: formatPolicy,
  }),
  custom({
    name: 'put',
    description: 'create or replace the policy in a file; asks when nodes could not talk then',
    args: [['<file>']],
    flags: addChangeFlags,
    help: fileHelp,
    examples: ['plexctl policy put web-to-db.yaml', 'plexctl policy put web-to-db.yaml --dry-run'],
    run: putPolicy,
  }),
  custom({
    name: 'remove',
    description: 'delete a policy',
    args: [['<name>']],
    flags: addChangeFlags,
    examples: [
      'plexctl policy remove allow-all --dry-run',
      'plexctl policy remove allow-all --yes',
    ],
    run: removePolicy,
  }),
)

interface ChangeFlags extends JsonFlag {
  dryRun?: boolean
  yes?: boolean
}

function addChangeFlags(command: Command): Command {
  return addYesFlag(command).option('--dry-run', 'only tell what would follow')
}

async function putPolicy(
  { io, connect }: Context,
  file: string,
  { dryRun, yes, json }: ChangeFlags,
): Promise<void> {
  const spec = parsePolicy(decodeUtf8(await readInput(file, io), file), quoteFile(file))
  const { admin } = await connect()
  const request = { params: { name: spec.name }, body: spec }
  if (dryRun || !yes) {
    const { body } = await admin.putPolicy({ ...request, query: { dry_run: 'true' } })
    if (dryRun) return printOutcome(io, body, json)
    const cut = describeCut(body.pairs)
    const what = `write policy "${spec.name}"`
    if (cut !== '') await confirm(io, { what, cut, asks: file !== '-' })
  }
  const { body } = await admin.putPolicy({ ...request, query: {} })
  printDone(io, body, { json, text: `wrote "${body.name}" revision ${body.revision}` })
}

async function removePolicy(
  { io, connect }: Context,
  name: string,
  { dryRun, yes, json }: ChangeFlags,
): Promise<void> {
  const { admin } = await connect()
  if (dryRun || !yes) {
    const { body } = await admin.deletePolicy({ params: { name }, query: { dry_run: 'true' } })
    if (dryRun) return printOutcome(io, body, json)
    await confirm(io, { what: `remove policy "${name}"`, cut: describeCut(body.pairs) })
  }
  const { body } = await admin.deletePolicy({ params: { name }, query: {} })
  printDone(io, body, { json, text: `removed "${name}"` })
}

function printOutcome(io: Io, { warnings, pairs }: PolicyOutcome, json: boolean | undefined): void {
  const text = pairs
    ? `pairs of nodes that would begin to talk: ${pairs.gained}; that would stop: ${pairs.lost}`
    : 'the mesh is too large to count the pairs of nodes that could talk'
  printDone(io, { warnings, pairs }, { json, text })
}

/** An id has the name of its node beside it, as a comment. */
function formatPolicy({ name, rules, node_hostnames }: Policy): string {
  const document = new Document({ name, rules: rules.map(orderFields) })
  visit(document, {
    Scalar(_key, scalar) {
      const hostname = typeof scalar.value === 'string' ? node_hostnames[scalar.value] : undefined
      if (hostname) scalar.comment = ` ${hostname}`
    },
  })
  return document.toString()
}

/** Reads like a sentence: from, to, port, protocol, action. */
function orderFields({ from, to, port, protocol, action }: PolicyRule): PolicyRule {
  return { from, to, ...(port ? { port } : {}), ...(protocol ? { protocol } : {}), action }
}
