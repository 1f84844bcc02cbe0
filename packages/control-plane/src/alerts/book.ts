import { type AlertRule, formatDuration, parseDuration } from '@plexd/protocol'
import type { NodeRecord } from '../mesh/fleet.ts'
import { readRules, type StoredRule } from '../rows/alerts/rules.ts'
import { readSilencesUntil } from '../rows/alerts/silences.ts'
import { readWebhooks, type StoredWebhook } from '../rows/alerts/webhooks.ts'
import { selectedBy } from '../runs/choose-nodes.ts'
import type { Reader } from '../store/db.ts'
import { type Look, lookOf } from './conditions/condition.ts'
import { defaultRules } from './default-rules.ts'

/** A rule, ready to be applied. */
export interface ActiveRule extends Pick<AlertRule, 'name' | 'when' | 'severity'> {
  look: Look
  forMs: number
  keepFiringMs: number
  isFor(node: NodeRecord): boolean
}

export interface ActiveSilence {
  endsMs: number
  covers(alert: { rule: string }, node: NodeRecord): boolean
}

/** What a tenant wants to be told of, and where. */
export interface Book {
  rules: readonly ActiveRule[]
  silences: readonly ActiveSilence[]
  webhooks: readonly Pick<StoredWebhook, 'id' | 'severities'>[]
}

export async function readBook(
  reader: Reader,
  { tenantId, nowMs }: { tenantId: string; nowMs: number },
): Promise<Book> {
  return {
    rules: listRules(await readRules(reader, tenantId)).map(activeOf),
    silences: await readActiveSilences(reader, { tenantId, nowMs }),
    webhooks: await readWebhooks(reader, tenantId),
  }
}

export async function readActiveSilences(
  reader: Reader,
  of: { tenantId: string; nowMs: number },
): Promise<ActiveSilence[]> {
  const silences = await readSilencesUntil(reader, of)
  return silences.map(({ rule, node_id, selector, ends_at }) => {
    const isMeant = selectedBy(selector ?? '*')
    return {
      endsMs: ends_at,
      covers: (alert, node) =>
        (rule === null || rule === alert.rule) &&
        (node_id === null || node_id === node.id) &&
        isMeant(node),
    }
  })
}

/** All rules of a tenant by name: those that are there by themselves, unless the stored ones say otherwise. */
export function listRules(stored: readonly StoredRule[]): AlertRule[] {
  const given = new Map(stored.map((rule) => [rule.name, rule]))
  const names = new Set([...Object.keys(defaultRules), ...given.keys()])
  return [...names].sort().flatMap((name) => ruleOf(name, given.get(name)))
}

function ruleOf(name: string, stored: StoredRule | undefined): AlertRule[] {
  const spec = stored ? stored.spec : (defaultRules[name] ?? null)
  if (spec === null) return []
  return [
    {
      name,
      ...spec,
      is_default: !stored,
      revision: stored?.revision ?? 0,
      updated_at: stored ? new Date(stored.updated_at).toISOString() : null,
      updated_by: stored?.updated_by ?? null,
    },
  ]
}

function activeOf({ name, when, severity, selector, for: time, keep_firing }: AlertRule) {
  return {
    name,
    when,
    look: lookOf(when),
    severity,
    forMs: parseDuration(time),
    keepFiringMs: parseDuration(keep_firing),
    isFor: selectedBy(selector),
  }
}

/** Durations as they are shown. */
export function normalDuration(text: string): string {
  return formatDuration(parseDuration(text))
}
