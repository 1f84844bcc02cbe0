import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CompiledPolicy } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createProblems } from '../health/problems.ts'
import { type DesiredState, emptyDesiredState } from '../state/desired-state.ts'
import { createFakeFirewall } from '../testing/fake-firewall.ts'
import { rulesetOptions } from '../testing/ruleset.ts'
import { createFirewallApplier } from './firewall-applier.ts'

const web: CompiledPolicy = {
  id: 'pol_web',
  rules: [{ src: '10.100.1.3/32', dst: 'n_self', port: 443, protocol: 'tcp', action: 'allow' }],
}
const ops: CompiledPolicy = { ...web, id: 'pol_ops' }

describe('the firewall applier', () => {
  it('puts the policies in force, and does nothing the second time', async () => {
    const { applier, firewall } = anApplier({ policies: [web] })
    assert.deepEqual(await applier.apply(), [
      { type: 'firewall_restored', detail: 'table inet plexd was missing' },
    ])
    assert.deepEqual(await applier.apply({ look: true }), [])
    assert.equal(firewall.applied.length, 1)
    assert.equal(firewall.applied[0]?.layers[0]?.[0]?.name, 'pol_web#0')
  })

  it('names the policies that came and went', async () => {
    const { applier, change } = anApplier({ policies: [web] })
    await applier.apply()
    change({ policies: [ops] })
    assert.deepEqual(await applier.apply(), [
      { type: 'policy_removed', policy_id: 'pol_web' },
      { type: 'policy_added', policy_id: 'pol_ops' },
    ])
  })

  it('restores what another program has changed, when notified or at a check', async () => {
    const { applier, firewall } = anApplier({ policies: [web] })
    await applier.apply()
    firewall.flush()
    applier.distrust()
    const restored = {
      type: 'firewall_restored',
      detail: 'table inet plexd had been changed by another program',
    }
    assert.deepEqual(await applier.apply(), [restored])
    firewall.flush()
    assert.deepEqual(await applier.apply({ look: true }), [restored])
    assert.equal(firewall.applied.length, 3)
  })

  it('replaces the rules of an earlier start if they differ', async () => {
    const first = anApplier({ policies: [web] })
    await first.applier.apply()
    const second = anApplier({ policies: [ops] }, first.firewall)
    assert.deepEqual(await second.applier.apply(), [
      { type: 'firewall_restored', detail: 'table inet plexd held older rules' },
    ])
  })

  it('leaves the rules of an earlier start alone when they are the same', async () => {
    const first = anApplier({ policies: [web] })
    await first.applier.apply()
    const second = anApplier({ policies: [web] }, first.firewall)
    assert.deepEqual(await second.applier.apply(), [])
  })

  it('keeps the rules in force while new ones cannot be applied, and says so', async () => {
    const { applier, firewall, change, problems } = anApplier({ policies: [web] })
    await applier.apply()
    firewall.fail(new Error('nft: out of memory'))
    change({ policies: [ops] })
    await assert.rejects(applier.apply(), /apply policies/)
    assert.deepEqual(problems.list(), ['policies cannot be applied: nft: out of memory'])
    firewall.fail(undefined)
    assert.equal((await applier.apply()).length, 2)
    assert.deepEqual(problems.list(), [])
  })

  it('tells of rules that it has to skip, and finds nodes by the peers it has', async () => {
    const rule = { src: 'n_db', dst: 'n_self', port: 0, protocol: '', action: 'allow' } as const
    const policy = { id: 'pol_db', rules: [rule, { ...rule, src: 'n_gone' }] }
    const { applier, change, problems } = anApplier({ policies: [policy] })
    await applier.apply()
    assert.deepEqual(problems.list(), [
      'policy "pol_db" rule 0 is skipped: source "n_db" is neither an address nor a node known here, and 1 more',
    ])
    const key = 'A'.repeat(43)
    const db = { id: 'n_db', public_key: `${key}=`, mesh_ip: '10.100.1.9', endpoint: '', psk: '' }
    change({ peers: [{ ...db, allowed_ips: ['10.100.1.9/32'] }] })
    await applier.apply()
    assert.deepEqual(problems.list(), [
      'policy "pol_db" rule 1 is skipped: source "n_gone" is neither an address nor a node known here',
    ])
  })
})

function anApplier(given: Partial<DesiredState>, firewall = createFakeFirewall()) {
  let state: DesiredState = { ...emptyDesiredState, ...given }
  const problems = createProblems()
  const applier = createFirewallApplier({
    firewall,
    isWatched: true,
    desired: { current: () => state },
    self: () => ({ node_id: 'n_self', mesh_ip: '10.100.1.2' }),
    ruleset: rulesetOptions,
    problems,
    log: silentLog,
  })
  return {
    applier,
    firewall,
    problems,
    change(next: Partial<DesiredState>) {
      state = { ...state, ...next }
    },
  }
}
