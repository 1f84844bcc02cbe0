import assert from 'node:assert/strict'
import type { CompiledPolicy, CompiledRule } from '@plexd/protocol'
import { compileRuleset, type Ruleset, type RulesetOptions } from '../firewall/rules/ruleset.ts'

/** One that denies what no rule allows, and knows no mesh address. */
export const rulesetOptions = {
  interface: 'plexd0',
  wireguardPort: 51_820,
  mtu: 1_420,
  defaultAction: 'deny',
  logDenied: false,
} as const

/** Of policies all of whose rules are valid. */
export function compilePolicies(
  policies: readonly CompiledPolicy[],
  options: Partial<RulesetOptions> = {},
): Ruleset {
  const { ruleset, problems } = compileRuleset(policies, {
    ...rulesetOptions,
    meshIpOf: () => undefined,
    ...options,
  })
  assert.deepEqual(problems, [])
  return ruleset
}

/** Allows all between two sides, unless told otherwise. */
export function aRule(
  rule: Pick<CompiledRule, 'src' | 'dst'> & Partial<CompiledRule>,
): CompiledRule {
  return { port: 0, protocol: '', action: 'allow', ...rule }
}
