import { type Kysely, sql } from 'kysely'

interface Old {
  nodes: {
    id: string
    tenant_id: string
    labels: string
    reported: string
    labels_unconfirmed: string
  }
  bootstrap_tokens: { node_id: string | null; metadata: string }
  policies: { tenant_id: string; rules: string }
  data_entries: { tenant_id: string; target: string }
  secrets: { tenant_id: string; target: string }
}

/**
 * Tells what operators set from what nodes say of themselves. Until now both stood in one column, and rights went by
 * it: so all of it stays a label, and what is not known to be of an operator, by the token, waits to be confirmed.
 * Only what our agent says of any machine is a report at once, where no selector asks for it.
 */
export async function up(untyped: Kysely<unknown>): Promise<void> {
  for (const statement of [
    'alter table nodes rename column metadata to labels',
    `alter table nodes add column reported text not null default '{}'`,
    `alter table nodes add column labels_unconfirmed text not null default '[]'`,
    `alter table bootstrap_tokens add column node_may_set text not null default '[]'`,
  ])
    await sql.raw(statement).execute(untyped)
  const db = untyped as Kysely<Old> // as the statements above have made it
  const askedFor = await machineKeysAskedFor(db)
  const tokens = new Map(
    (await db.selectFrom('bootstrap_tokens').select(['node_id', 'metadata']).execute()).map(
      ({ node_id, metadata }) => [node_id, metadata],
    ),
  )
  const nodes = await db.selectFrom('nodes').select(['id', 'tenant_id', 'labels']).execute()
  for (const { id, tenant_id, labels } of nodes) {
    const token = tokens.get(id) ?? '{}'
    const sorted = sortKeys(labels, token, askedFor.get(tenant_id) ?? [])
    await db.updateTable('nodes').set(sorted).where('id', '=', id).execute()
  }
}

/** What our agent says of a machine. */
const machineKeys = ['os', 'arch', 'kernel']

function sortKeys(labels: string, token: string, askedFor: readonly string[]) {
  const entries = Object.entries(JSON.parse(labels) as Record<string, string>)
  const given = JSON.parse(token) as Record<string, string>
  const isGiven = ([key, value]: [string, string]): boolean =>
    Object.hasOwn(given, key) && given[key] === value
  const isReport = ([key, value]: [string, string]): boolean =>
    machineKeys.includes(key) && !isGiven([key, value]) && !askedFor.includes(key)
  const kept = entries.filter((entry) => !isReport(entry))
  return {
    labels: JSON.stringify(Object.fromEntries(kept)),
    reported: JSON.stringify(Object.fromEntries(entries.filter(isReport))),
    labels_unconfirmed: JSON.stringify(kept.filter((entry) => !isGiven(entry)).map(([key]) => key)),
  }
}

/** Whether the word stands anywhere in them, be it as a key or as a value: rather one too many. */
function asksFor(selectors: string, key: string): boolean {
  return new RegExp(`(^|[^A-Za-z0-9._/-])${key}($|[^A-Za-z0-9._/-])`, 'm').test(selectors)
}

/** Of what our agent says of a machine, what any selector of a tenant asks for. */
async function machineKeysAskedFor(db: Kysely<Old>): Promise<Map<string, string[]>> {
  const policies = await db.selectFrom('policies').select(['tenant_id', 'rules']).execute()
  const data = await db.selectFrom('data_entries').select(['tenant_id', 'target']).execute()
  const secrets = await db.selectFrom('secrets').select(['tenant_id', 'target']).execute()
  const lines = [
    ...policies.flatMap(({ tenant_id, rules }) =>
      (JSON.parse(rules) as { from: string; to: string }[]).flatMap(({ from, to }) => [
        { tenant_id, line: from },
        { tenant_id, line: to },
      ]),
    ),
    ...[...data, ...secrets].map(({ tenant_id, target }) => ({
      tenant_id,
      line: target.replace(/^selector:/, ''),
    })),
  ]
  return new Map(
    Map.groupBy(lines, ({ tenant_id }) => tenant_id)
      .entries()
      .map(([tenant, own]) => {
        // Once for all of its nodes: there may be as many selectors as nodes.
        const selectors = own.map(({ line }) => line).join('\n')
        return [tenant, machineKeys.filter((key) => asksFor(selectors, key))]
      }),
  )
}
