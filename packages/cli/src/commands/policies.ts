import type { Policy, PolicyRule } from '@plexd/protocol'
import { printJson } from '@plexd/runtime'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { type Context, examples, findOrFail, jsonHelp } from '../context.ts'
import { decodeUtf8, quoteFile, readInput } from '../input.ts'
import { ageOf, printDone, printList, printText } from '../output.ts'
import { parsePolicy } from '../policy-file.ts'

const fileHelp = `
FILE is YAML or JSON, - is standard input:

  name: web-to-db
  rules:
    - from: role=web          # a label selector, a node id, a mesh CIDR or "*"
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
      const { body } = await admin.listPolicies({})
      printList(io, body.items, {
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
      const { body } = await admin.listPolicies({})
      const found = findOrFail(body.items, (item) => item.name === name, `policy "${name}"`)
      if (json) return printJson(found, io.stdout)
      printText(io, formatPolicy(found))
    })

  policy
    .command('put')
    .description('create or replace the policy in a file')
    .argument('<file>')
    .option('--json', jsonHelp)
    .addHelpText('after', fileHelp + examples('plexctl policy put web-to-db.yaml'))
    .action(async (file: string, { json }: { json?: boolean }) => {
      const spec = parsePolicy(decodeUtf8(await readInput(file, io), file), quoteFile(file))
      const { admin } = await connect()
      const { body } = await admin.putPolicy({ params: { name: spec.name }, body: spec })
      printDone(io, body, { json, text: `wrote "${body.name}" revision ${body.revision}` })
    })

  policy
    .command('remove')
    .description('delete a policy')
    .argument('<name>')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl policy remove allow-all'))
    .action(async (name: string, { json }: { json?: boolean }) => {
      const { admin } = await connect()
      const { body } = await admin.deletePolicy({ params: { name } })
      printDone(io, body, { json, text: `removed "${name}"` })
    })
}

function formatPolicy({ name, rules }: Policy): string {
  return stringify({ name, rules: rules.map(orderFields) })
}

/** Reads like a sentence: from, to, port, protocol, action. */
function orderFields({ from, to, port, protocol, action }: PolicyRule): PolicyRule {
  return { from, to, ...(port ? { port } : {}), ...(protocol ? { protocol } : {}), action }
}
