import type { Policy, PolicyOutcome, PolicyRule } from '@plexd/protocol'
import { addYesFlag, confirm, printJson } from '@plexd/runtime'
import type { Command } from 'commander'
import { Document, visit } from 'yaml'
import { allPages, type Context, examples, jsonHelp } from '../../context.ts'
import { decodeUtf8, quoteFile, readInput } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { ageOf, printDone, printList, printText, printWarnings } from '../../terminal/output.ts'
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

export function addPolicyCommands(program: Command, { io, connect }: Context): void {
  const policy = program
    .command('policy')
    .description('who may talk to whom in the mesh')
    .addHelpText('after', examples('plexctl policy list'))

  policy
    .command('list')
    .description('list policies in the order they apply')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl policy list'))
    .action(async ({ json }: { json?: boolean }) => {
      const { admin } = await connect()
      const policies = await allPages((query) => admin.listPolicies({ query }))
      printList(io, policies, {
        json,
        columns: [
          ['name', ({ name }) => name],
          ['id', ({ id }) => id],
          ['revision', ({ revision }) => String(revision)],
          ['rules', ({ rules }) => String(rules.length)],
          ['updated', ({ updated_at }) => ageOf(updated_at, io)],
        ],
      })
    })

  policy
    .command('show')
    .description('show one policy, in a form that `policy put` takes')
    .argument('<name>')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl policy show allow-all > policy.yaml'))
    .action(async (name: string, { json }: { json?: boolean }) => {
      const { admin } = await connect()
      const { body } = await admin.getPolicy({ params: { name } })
      if (json) return printJson(body, io.stdout)
      printText(io, formatPolicy(body))
    })

  addYesFlag(policy.command('put'))
    .description('create or replace the policy in a file; asks when nodes could not talk then')
    .argument('<file>')
    .option('--dry-run', 'only tell what would follow')
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      fileHelp +
        examples(
          'plexctl policy put web-to-db.yaml',
          'plexctl policy put web-to-db.yaml --dry-run',
        ),
    )
    .action(async (file: string, { dryRun, yes, json }: ChangeFlags) => {
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
      if (!json) printWarnings(io, body.warnings)
    })

  addYesFlag(policy.command('remove'))
    .description('delete a policy')
    .argument('<name>')
    .option('--dry-run', 'only tell what would follow')
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      examples(
        'plexctl policy remove allow-all --dry-run',
        'plexctl policy remove allow-all --yes',
      ),
    )
    .action(async (name: string, { dryRun, yes, json }: ChangeFlags) => {
      const { admin } = await connect()
      if (dryRun || !yes) {
        const { body } = await admin.deletePolicy({ params: { name }, query: { dry_run: 'true' } })
        if (dryRun) return printOutcome(io, body, json)
        await confirm(io, { what: `remove policy "${name}"`, cut: describeCut(body.pairs) })
      }
      const { body } = await admin.deletePolicy({ params: { name }, query: {} })
      printDone(io, body, { json, text: `removed "${name}"` })
    })
}

interface ChangeFlags {
  dryRun?: boolean
  yes?: boolean
  json?: boolean
}

function printOutcome(io: Io, outcome: PolicyOutcome, json: boolean | undefined): void {
  const { warnings, pairs } = outcome
  if (json) {
    printJson({ warnings, pairs }, io.stdout)
    return
  }
  io.stdout.write(
    pairs
      ? `pairs of nodes that would begin to talk: ${pairs.gained}; that would stop: ${pairs.lost}\n`
      : 'the mesh is too large to count the pairs of nodes that could talk\n',
  )
  printWarnings(io, warnings)
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
