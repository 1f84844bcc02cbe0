import { createHash } from 'node:crypto'
import { type CompiledPolicy, parseCidr, parseIpv4 } from '@plexd/protocol'
import { baseRules, type Surroundings, switchText } from './base-chains.ts'
import { buildText, type Decisions, namesOf } from './deciding-chains.ts'
import { layerRules } from './layers.ts'
import { type MeshIpOf, matchRules } from './rule-match.ts'

/** The desired table `inet plexd`, independent of its actual contents. */
export interface Ruleset extends Decisions, Surroundings {
  /** Of all else here: equal digests mean equal rulesets. */
  digest: string
}

export interface RulesetOptions extends Omit<Decisions, 'layers'>, Surroundings {
  meshIpOf: MeshIpOf
}

/** The ruleset of these policies, and a message for each skipped rule. */
export function compileRuleset(
  policies: readonly CompiledPolicy[],
  { meshIpOf, ...options }: RulesetOptions,
): { ruleset: Ruleset; problems: string[] } {
  const { interface: name, meshIp, meshRanges, exceptions } = options
  // Validated, because the name becomes part of the text for nft.
  if (!/^[\w.-]{1,15}$/.test(name)) throw new RangeError(`interface name "${name}" is not usable`)
  if (meshIp !== undefined) parseIpv4(meshIp) // so do these
  for (const text of [...(meshRanges ?? []), ...(exceptions ?? [])]) parseCidr(text)
  const { matches, problems } = matchRules(policies, meshIpOf)
  const ruleset = { ...options, layers: layerRules(matches), digest: '' }
  return { ruleset: { ...ruleset, digest: digestOf(ruleset) }, problems }
}

/** The chains and maps of a table with this ruleset, with their numbers of lines or elements. */
export function objectsOf(ruleset: Ruleset, generation: number): Map<string, number> {
  const { denied, allowed, decide, maps } = namesOf(ruleset, generation)
  const filled = Object.entries(baseRules(ruleset, generation))
  return new Map([
    ...maps.map((name, index): [string, number] => [name, ruleset.layers[index]?.length ?? 0]),
    [denied, ruleset.logDenied ? 2 : 1],
    [allowed, 1],
    [decide, 3 + 2 * maps.length],
    // The first line of a base chain is its hook.
    ...filled.map(([chain, rules]): [string, number] => [chain, 1 + rules.length]),
  ])
}

/** Of the texts rather than of the rules, so that a newer plexd with other texts replaces an older one's table. */
function digestOf(ruleset: Ruleset): string {
  const text = buildText(ruleset, 0) + switchText(ruleset, 0)
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
