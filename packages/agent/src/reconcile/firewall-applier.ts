import { createSerialQueue, describeError, type Log } from '@plexd/runtime'
import type { Backstop } from '../firewall/backstop/backstop.ts'
import type { Firewall } from '../firewall/firewall.ts'
import { compileRuleset, type Ruleset, type RulesetOptions } from '../firewall/rules/ruleset.ts'
import { type Problems, summarize } from '../health/problems.ts'
import type { DesiredState, DesiredStore } from '../state/desired-state.ts'
import { type FirewallStep, planFirewall } from './plan.ts'

/** Reconciles the packet filter with the desired policies: observe, plan, apply. One run at a time. */
export interface FirewallApplier {
  /**
   * The corrections made; none if nothing differed. If the filter refuses, rejects and reports a problem; the previous
   * ruleset stays in force. With `look` the table is read even if no change was noticed.
   */
  apply(options?: { look?: boolean }): Promise<FirewallStep[]>
  /** Another program may have changed the table: the next run reads it. */
  distrust(): void
  /** Resolves the nodes that rules name. */
  meshIpOf(nodeId: string): string | undefined
}

export interface FirewallApplierOptions {
  firewall: Firewall
  /** The backstop; absent in tests that do not need it. */
  backstop?: Backstop
  /** Whether changes by others lead to `distrust`; if not, every run reads the table. */
  isWatched: boolean
  desired: Pick<DesiredStore, 'current'>
  /** This node, for rules that name it. */
  self: () => { node_id: string; mesh_ip: string } | undefined
  /** The ranges routed into the mesh (CIDR); undefined if unknown. */
  ranges?: () => readonly string[] | undefined
  /** The exceptions within those ranges; undefined if unknown. */
  exceptions?: () => readonly string[] | undefined
  ruleset: Omit<RulesetOptions, 'meshIp' | 'meshRanges' | 'exceptions' | 'meshIpOf'>
  problems: Problems
  log: Log
}

export function createFirewallApplier(options: FirewallApplierOptions): FirewallApplier {
  const { firewall, backstop, isWatched, desired, problems, log } = options
  const addresses = createAddressBook(options)
  const compile = createCompiler(options, addresses)
  const inOrder = createSerialQueue()
  let trusted = false
  let lastPolicies: DesiredState['policies'] | undefined

  async function applyOnce(look: boolean): Promise<FirewallStep[]> {
    const { policies } = desired.current()
    try {
      const ruleset = compile(desired.current())
      const known = trusted && isWatched && !look ? await firewall.asLeft() : undefined
      // Before reading: a change noticed meanwhile is newer.
      trusted = true
      const observed = known ?? (await firewall.observe())
      const steps = planFirewall({ ruleset, policies, lastPolicies }, observed)
      if (steps.length > 0) await firewall.apply(ruleset, observed)
      lastPolicies = policies
      problems.clear('firewall')
      return [...steps, ...(await holdBackstop(ruleset, look))]
    } catch (error) {
      trusted = false
      const reason = await firewall.check().catch(describeError)
      problems.set('firewall', reason ?? `policies cannot be applied: ${describeError(error)}`)
      throw new Error('apply policies', { cause: error })
    }
  }

  /** A missing backstop is reported; the table is in force without it. */
  async function holdBackstop(ruleset: Ruleset, look: boolean): Promise<FirewallStep[]> {
    try {
      const detail = await backstop?.hold(ruleset, { look })
      problems.clear('backstop')
      return detail === undefined ? [] : [{ type: 'firewall_restored', detail }]
    } catch (error) {
      problems.set('backstop', describeError(error))
      return []
    }
  }

  return {
    apply: ({ look = false } = {}) =>
      inOrder(async () => {
        const steps = await applyOnce(look)
        logSteps(log, steps)
        return steps
      }),
    distrust() {
      trusted = false
    },
    meshIpOf: (id) => addresses(desired.current().peers).get(id),
  }
}

/** Compiles only if the policies changed: states share unchanged objects. */
function createCompiler(
  { self, ruleset: options, problems, ...routing }: FirewallApplierOptions,
  addresses: AddressBook,
) {
  let of: Pick<DesiredState, 'policies' | 'peers'> | undefined
  let compiled: Ruleset | undefined
  /** Whether a rule names a node by id: only then do the peers matter. */
  let namesNodes = false

  return ({ policies, peers }: DesiredState): Ruleset => {
    const meshIp = self()?.mesh_ip
    const meshRanges = routing.ranges?.()
    const exceptions = routing.exceptions?.()
    const isSame =
      of?.policies === policies &&
      compiled?.meshIp === meshIp &&
      compiled?.meshRanges?.join() === meshRanges?.join() &&
      compiled?.exceptions?.join() === exceptions?.join() &&
      (!namesNodes || of.peers === peers)
    if (compiled && isSame) return compiled
    namesNodes = false
    const meshIpOf = (id: string): string | undefined => {
      namesNodes = true
      return addresses(peers).get(id)
    }
    const result = compileRuleset(policies, {
      ...options,
      meshIp,
      meshRanges,
      exceptions,
      meshIpOf,
    })
    problems.set('policy rules', summarize(result.problems))
    of = { policies, peers }
    compiled = result.ruleset
    return compiled
  }
}

/** Node id -> mesh IP, of the peers and this node; recomputed only when the peers change. */
type AddressBook = (peers: DesiredState['peers']) => ReadonlyMap<string, string>

function createAddressBook({ self }: Pick<FirewallApplierOptions, 'self'>): AddressBook {
  let of: DesiredState['peers'] | undefined
  let book = new Map<string, string>()

  return (peers) => {
    const own = self()
    if (of === peers && (!own || book.has(own.node_id))) return book
    of = peers
    book = new Map(peers.map(({ id, mesh_ip }) => [id, mesh_ip]))
    if (own) book.set(own.node_id, own.mesh_ip)
    return book
  }
}

function logSteps(log: Log, steps: readonly FirewallStep[]): void {
  for (const { type, ...fields } of steps) log.info('firewall changed', { change: type, ...fields })
}
