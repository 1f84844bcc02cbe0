import type { PolicyStatus, RuleStatus } from '@plexd/protocol'
import { formatTable } from '@plexd/runtime'
import { show } from './local.ts'

export const runPolicies = show(
  'read policies',
  (client) => client.listPolicies({}),
  formatPolicies,
)

/** The rules in order of evaluation, then the packets decided without one. */
export function formatPolicies(status: PolicyStatus): string {
  const { filtering, reason, default_action, denied } = status
  if (!filtering) return `packets on the mesh are not filtered: ${reason}\n`
  const table = formatTable(
    ['policy', 'from', 'to', 'protocol', 'port', 'action', 'packets', 'note'],
    [
      ...status.rules.map(rowOf),
      ['(default)', '*', '*', 'any', 'any', default_action, `${status.default.packets}`, ''],
    ],
  )
  const problem = reason === '' ? '' : `not in force: ${reason}\n`
  return `${table}denied in all: ${denied.packets} packets\n${problem}`
}

function rowOf(rule: RuleStatus): string[] {
  const { policy_id, policy_name, protocol, port, action, packets, skipped } = rule
  return [
    policy_name || policy_id,
    named(rule.src, rule.src_hostname),
    named(rule.dst, rule.dst_hostname),
    protocol || 'any',
    port === 0 ? 'any' : `${port}`,
    action,
    `${packets}`,
    skipped === '' ? '' : `skipped: ${skipped}`,
  ]
}

/** The rule's text, after the name of the node it refers to. */
function named(side: string, hostname: string): string {
  return hostname === '' ? side : `${hostname} (${side})`
}
