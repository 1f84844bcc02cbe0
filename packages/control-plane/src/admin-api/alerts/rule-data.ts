import type { AlertRule, AlertRuleData, AlertRuleView } from '@plexd/protocol'
import { freshValues, judgedValues } from '../../alerts/conditions/metric-condition.ts'
import { createValuesOf } from '../../alerts/conditions/series-values.ts'
import type { Environment, SideStores, State } from '../../app.ts'
import { selectedBy } from '../../runs/choose-nodes.ts'

type Needs = State & SideStores & Environment

/** Rules as they are shown: with what there is to judge. */
export function ruleViews(
  { fleet, latest, clock }: Needs,
  tenantId: string,
  rules: readonly AlertRule[],
): AlertRuleView[] {
  const valuesOf = createValuesOf(latest)
  const nowMs = clock.now()
  return rules.map((rule) => {
    const isSending = senderOf(rule.when)
    if (!isSending) return { ...rule, data: null }
    const data: AlertRuleData = { nodes: 0, sending: 0 }
    const isMeant = selectedBy(rule.selector)
    for (const node of fleet.nodes(tenantId)) {
      if (!isMeant(node)) continue
      data.nodes++
      if (isSending({ nowMs, valuesOf: (name) => valuesOf(node.id, name) })) data.sending++
    }
    return { ...rule, data }
  })
}

type ValueFacts = Parameters<typeof freshValues>[1]

/** Whether a node sends what the condition is over; undefined for one that is over no metric. */
function senderOf({ metric, increase, no_data }: AlertRule['when']) {
  if (metric) return (facts: ValueFacts) => judgedValues(metric, facts).length > 0
  const name = increase?.name ?? no_data?.name
  return name === undefined ? undefined : (facts: ValueFacts) => freshValues(name, facts).length > 0
}
