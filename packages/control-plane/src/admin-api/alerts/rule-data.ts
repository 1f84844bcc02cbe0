import { setImmediate as turn } from 'node:timers/promises'
import type { AlertRule, AlertRuleData, AlertRuleView } from '@plexd/protocol'
import { freshValues, judgedValues } from '../../alerts/conditions/metric-condition.ts'
import { createValuesOf } from '../../alerts/conditions/series-values.ts'
import type { Environment, SideStores, State } from '../../app.ts'
import { selectedBy } from '../../runs/choose-nodes.ts'

type Needs = State & SideStores & Environment

/** Rules as they are shown: with what there is to judge. */
export async function ruleViews(
  app: Needs,
  tenantId: string,
  rules: readonly AlertRule[],
): Promise<AlertRuleView[]> {
  const views: AlertRuleView[] = []
  for (const rule of rules) {
    views.push({ ...rule, data: dataOf(rule, tenantId, app) })
    // Others go first: hundreds of rules look at thousands of nodes each.
    await turn()
  }
  return views
}

function dataOf(
  { when, selector }: AlertRule,
  tenantId: string,
  { fleet, latest, clock }: Needs,
): AlertRuleData | null {
  const isSending = senderOf(when)
  if (!isSending) return null
  const valuesOf = createValuesOf(latest)
  const nowMs = clock.now()
  const nodes = Array.from(fleet.nodes(tenantId)).filter(selectedBy(selector))
  const sending = nodes.filter(({ id }) =>
    isSending({ nowMs, valuesOf: (name) => valuesOf(id, name) }),
  )
  return { nodes: nodes.length, sending: sending.length }
}

type ValueFacts = Parameters<typeof freshValues>[1]

/** Whether a node sends what the condition is over; undefined for one that is over no metric. */
function senderOf({ metric, increase, no_data }: AlertRule['when']) {
  if (metric) return (facts: ValueFacts) => judgedValues(metric, facts).length > 0
  const name = increase?.name ?? no_data?.name
  return name === undefined ? undefined : (facts: ValueFacts) => freshValues(name, facts).length > 0
}
