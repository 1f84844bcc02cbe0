import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type CompiledRule,
  cidrContains,
  matches,
  type PolicyRule,
  parseCidr,
  parseIpv4,
  parseSelector,
} from '@plexd/protocol'
import fc from 'fast-check'
import { impactOfNode, impactOfPolicy } from '../impact.ts'
import type { MeshNode } from '../rule-side.ts'
import { createTenantMesh, type MeshPolicy, rulesOf, type TenantMesh } from '../tenant-mesh.ts'
import { isVisible, peersOf } from '../visibility.ts'
import { compileFor, kindOf, withRevisedIds } from './compile.ts'
import { describeProblems, validatePolicy } from './validate.ts'

const ranges = [parseCidr('10.100.0.0/16')]
const web = aNode('n_web', '10.100.0.1', { role: 'web', env: 'prod' })
const api = aNode('n_api', '10.100.0.2', { role: 'api', env: 'prod' })
const db = aNode('n_db', '10.100.0.3', { role: 'db', env: 'prod' })
const dev = aNode('n_dev', '10.100.0.4', { role: 'web', env: 'dev' })
const fleet = [web, db, api, dev]

describe('compileFor', () => {
  it('keeps "*" as the mesh range, so that the rule does not change with the fleet', () => {
    assert.deepEqual(compileFor(web, meshWith([allow('*', '*')])), [
      { id: 'pol_0', rules: [compiled('10.100.0.0/16', '10.100.0.0/16')] },
    ])
  })

  it('means by "*" each range of a mesh that has several, in the place of the rule', () => {
    const second = aNode('n_new', '10.101.0.1', { role: 'db', env: 'prod' })
    const two = [...ranges, parseCidr('10.101.0.0/16')]
    const policies = [aPolicy([deny('*', 'role=db'), allow('10.101.0.0/24', '*')])]
    const mesh = createTenantMesh({ ranges: two, nodes: [web, second], policies })

    assert.deepEqual(compileFor(second, mesh)[0]?.rules, [
      compiled('10.100.0.0/16', '10.101.0.1/32', 'deny'),
      compiled('10.101.0.0/16', '10.101.0.1/32', 'deny'),
      compiled('10.101.0.0/24', '10.100.0.0/16'),
      compiled('10.101.0.0/24', '10.101.0.0/16'),
    ])
    assert.deepEqual(compileFor(web, mesh)[0]?.rules, [
      compiled('10.100.0.0/16', '10.101.0.1/32', 'deny'),
      compiled('10.101.0.0/16', '10.101.0.1/32', 'deny'),
      compiled('10.101.0.0/24', '10.100.0.0/16'),
      compiled('10.101.0.0/24', '10.101.0.0/16'),
    ])
    // The same rules mean less where the mesh has less.
    assert.deepEqual(compileFor(web, createTenantMesh({ ranges, nodes: [web], policies })), [])
  })

  it('gives a node only its own part of a rule between lists, sorted by address', () => {
    const mesh = meshWith([{ ...allow('env=prod', 'role=db'), port: 5432, protocol: 'tcp' }])
    const pair = (src: string): CompiledRule => ({
      ...compiled(src, '10.100.0.3/32'),
      port: 5432,
      protocol: 'tcp',
    })
    assert.deepEqual(compileFor(db, mesh)[0]?.rules, [pair('10.100.0.1/32'), pair('10.100.0.2/32')])
    assert.deepEqual(compileFor(web, mesh)[0]?.rules, [pair('10.100.0.1/32')])
  })

  it('leaves out a policy that does not involve the node', () => {
    assert.deepEqual(compileFor(dev, meshWith([allow('env=prod', 'role=db')])), [])
  })

  it('keeps the order of policies and rules, denies too', () => {
    const mesh = meshWith([deny('env=dev', 'role=db'), allow('*', '*')])
    assert.deepEqual(compileFor(db, mesh)[0]?.rules, [
      compiled('10.100.0.4/32', '10.100.0.3/32', 'deny'),
      compiled('10.100.0.0/16', '10.100.0.0/16'),
    ])
  })

  it('keeps a CIDR beside the addresses of a list', () => {
    const mesh = meshWith([allow('10.100.0.0/30', 'n_db')])
    assert.deepEqual(compileFor(web, mesh)[0]?.rules, [compiled('10.100.0.0/30', '10.100.0.3/32')])
    assert.deepEqual(compileFor(dev, mesh), [])
  })

  it('never widens a rule that names a node that is not there, nor one whose side cannot be read', () => {
    assert.deepEqual(compileFor(web, meshWith([allow('n_gone', '*')])), [])
    const unreadable = [allow('192.168.0.0/24', '*'), allow('10.100.0.1-10.100.0.9', '*')]
    assert.deepEqual(compileFor(web, meshWith(unreadable)), [])
  })

  it('reads a hostname as the node that is called so now', () => {
    const mesh = meshWith([deny('node:WEB-host', 'role=db')])
    assert.deepEqual(compileFor(db, mesh)[0]?.rules, [
      compiled('10.100.0.1/32', '10.100.0.3/32', 'deny'),
    ])
  })

  it('means for a node exactly what the rules mean', () => {
    fc.assert(
      fc.property(meshes, ({ nodes, policies }) => {
        const mesh = createTenantMesh({ ranges, nodes, policies })
        for (const node of nodes)
          for (const other of nodes)
            if (node !== other) {
              const rules = compileFor(node, mesh).flatMap((policy) => policy.rules)
              assert.equal(verdictOf(rules, node, other), oracleVerdict(mesh, node, other))
              assert.equal(verdictOf(rules, other, node), oracleVerdict(mesh, other, node))
            }
      }),
      { numRuns: 300 },
    )
  })
})

describe('kindOf', () => {
  it('is the same only for nodes with the same rules', () => {
    let shared = 0
    fc.assert(
      fc.property(meshes, ({ nodes, policies }) => {
        const mesh = createTenantMesh({ ranges, nodes, policies })
        const byKind = Map.groupBy(nodes, (node) => kindOf(node, mesh))
        for (const [kind, [first, ...others]] of byKind) {
          if (kind === undefined || !first) continue
          for (const other of others)
            assert.deepEqual(compileFor(other, mesh), compileFor(first, mesh))
          shared += others.length
        }
      }),
      { numRuns: 1_000 },
    )
    assert.ok(shared > 100)
  })
})

describe('withRevisedIds', () => {
  it('changes the id when the fleet changes the rules, and only then', () => {
    const before = meshWith([allow('role=web', 'role=db')])
    const after = createTenantMesh({
      ...before,
      nodes: [web, db, dev, { ...api, labels: { role: 'web' } }],
    })
    const [first] = withRevisedIds(compileFor(db, before))
    const [second] = withRevisedIds(compileFor(db, after))
    assert.match(first?.id ?? '', /^pol_0@[0-9a-f]{12}$/)
    assert.notEqual(first?.id, second?.id)
    assert.deepEqual(
      withRevisedIds(compileFor(web, before)),
      withRevisedIds(compileFor(web, createTenantMesh({ ...after, nodes: [web, db] }))),
    )
  })
})

describe('isVisible', () => {
  it('joins a pair by an allow rule in either direction', () => {
    const mesh = meshWith([allow('role=web', 'role=db')])
    assert.ok(isVisible(mesh, web, db) && isVisible(mesh, db, web))
    assert.ok(!isVisible(mesh, web, api) && !isVisible(mesh, web, web))
  })

  it('does not join a pair by a deny, nor without policies', () => {
    assert.ok(!isVisible(meshWith([deny('*', '*')]), web, db))
    assert.deepEqual(peersOf(meshWith([]), web), [])
  })

  it('agrees with looking at every pair and rule', () => {
    fc.assert(
      fc.property(meshes, ({ nodes, policies }) => {
        const mesh = createTenantMesh({ ranges, nodes, policies })
        for (const node of nodes)
          assert.deepEqual(sorted(peersOf(mesh, node)), sorted(oraclePeers(mesh, node)))
      }),
    )
  })
})

describe('mesh.with', () => {
  it('knows who is on each side as if it were made anew', () => {
    const change = fc.record({
      at: fc.nat(8),
      metadata: fc.option(labels, { nil: undefined }),
      isSame: fc.boolean(),
      /** A bit for each side that somebody asks for before the change. */
      asked: fc.nat(),
    })
    fc.assert(
      fc.property(meshes, fc.array(change, { maxLength: 12 }), ({ nodes, policies }, changes) => {
        const now = new Map(nodes.map((node) => [node.id, node]))
        let mesh = createTenantMesh({
          ranges,
          policies,
          nodes: { [Symbol.iterator]: () => now.values() },
        })
        const sides = policies
          .flatMap((policy) => rulesOf(policy, ranges))
          .flatMap(({ from, to }) => [from, to])
        for (const { at, metadata, isSame, asked } of changes) {
          for (const [index, side] of sides.entries())
            if ((asked >> (index % 31)) & 1) mesh.members(side)
          const id = `n_${at}`
          const before = now.get(id)
          if (before && isSame) {
            const again = { ...before }
            now.set(id, again)
            mesh.refresh(again)
            continue
          }
          const given = metadata && aNode(id, `10.100.0.${at + 1}`, metadata)
          const after = given && (asked % 3 === 0 ? { ...given, hostname: 'renamed' } : given)
          if (after) now.set(id, after)
          else now.delete(id)
          mesh = mesh.with({ ...(before ? { before } : {}), ...(after ? { after } : {}) })
        }
        const anew = createTenantMesh({ ranges, policies, nodes: [...now.values()] })
        for (const side of sides) {
          const [known, made] = [mesh.members(side), anew.members(side)]
          assert.equal(known.length, made.length)
          for (const [index, node] of known.entries()) assert.equal(node, made[index])
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('impactOfNode', () => {
  it('affects nobody by a label that no rule asks for', () => {
    const mesh = meshWith([allow('role=web', 'role=db')])
    const after = { ...web, labels: { ...web.labels, owner: 'me' } }
    assert.deepEqual(impactOfNode(mesh, { before: web, after }), none)
  })

  it('recompiles nobody for a new node under "*"', () => {
    const after = aNode('n_new', '10.100.0.9', {})
    const impact = impactOfNode(meshWith([allow('*', '*')]), { after })
    assert.deepEqual(
      { ...impact, appeared: sorted(impact.appeared) },
      { ...none, appeared: sorted(fleet) },
    )
  })

  it('finds whom a relabelled node joins and leaves', () => {
    const mesh = meshWith([allow('role=web', 'role=db'), allow('role=api', 'env=dev')])
    const after = { ...web, labels: { role: 'api', env: 'prod' } }
    assert.deepEqual(impactOfNode(mesh, { before: web, after }), {
      appeared: [dev],
      vanished: [db],
      recompiled: [db, dev],
    })
  })

  it('finds exactly the peers that change, and every node whose rules do', () => {
    const change = fc.record({
      before: fc.option(labels, { nil: undefined }),
      after: fc.option(labels, { nil: undefined }),
      hostname: fc.constantFrom('0-host', 'renamed'),
    })
    fc.assert(
      fc.property(meshes, change, ({ nodes, policies }, { before, after, hostname }) => {
        const named = (metadata: Record<string, string>): MeshNode => ({
          ...aNode('n_0', '10.100.0.1', metadata),
          ...(metadata === after ? { hostname } : {}),
        })
        const rest = nodes.slice(1)
        const states = [before, after].map((metadata) => (metadata ? [named(metadata)] : []))
        const [old, now] = states.map((own) =>
          createTenantMesh({ ranges, policies, nodes: [...own, ...rest] }),
        )
        assert.ok(old && now)
        const parts = {
          ...(before ? { before: named(before) } : {}),
          ...(after ? { after: named(after) } : {}),
        }
        for (const mesh of [old, now]) {
          const impact = impactOfNode(mesh, parts)
          const hasPeer = (at: TenantMesh, other: MeshNode): boolean =>
            oraclePeers(at, other).some(({ id }) => id === 'n_0')
          const changes: { other: MeshNode; saw: boolean; sees: boolean }[] = rest.map((other) => ({
            other,
            saw: hasPeer(old, other),
            sees: hasPeer(now, other),
          }))
          assert.deepEqual(
            sorted(impact.appeared),
            sorted(onlyNodes(changes, ({ saw, sees }) => sees && !saw)),
          )
          assert.deepEqual(
            sorted(impact.vanished),
            sorted(onlyNodes(changes, ({ saw, sees }) => saw && !sees)),
          )
          for (const other of rest)
            if (!sameRules(old, now, other)) assert.ok(impact.recompiled.includes(other))
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('impactOfPolicy', () => {
  it('involves only the nodes of the rule that was added, and flips only its pairs', () => {
    const before = aPolicy([allow('role=web', 'role=api')])
    const after = { ...before, rules: [...before.rules, allow('env=dev', 'role=db')] }
    assert.deepEqual(
      impactOfPolicy(createTenantMesh({ ranges, nodes: fleet, policies: [before] }), {
        before,
        after,
      }),
      {
        involved: [db, dev],
        flips: [{ a: db, b: dev, visible: true }],
      },
    )
  })

  it('flips no pair that another policy joins', () => {
    const all = aPolicy([allow('*', '*')])
    const before = { ...aPolicy([allow('role=web', 'role=db')]), id: 'pol_other' }
    const mesh = createTenantMesh({ ranges, nodes: fleet, policies: [all, before] })
    assert.deepEqual(impactOfPolicy(mesh, { before }).flips, [])
  })

  it('does not look at each pair when there are too many', () => {
    const nodes = Array.from({ length: 101 }, (_, index) =>
      aNode(`n_${index}`, `10.100.1.${index}`, {}),
    )
    const impact = impactOfPolicy(createTenantMesh({ ranges, nodes, policies: [] }), {
      after: aPolicy([allow('*', '*')]),
    })
    assert.equal(impact.flips, undefined)
    assert.equal(impact.involved.length, 101)
  })

  it('finds exactly the pairs that flip, and every node whose rules change', () => {
    fc.assert(
      fc.property(
        meshes,
        fc.option(rules, { nil: undefined }),
        fc.nat(),
        ({ nodes, policies }, put, pick) => {
          const before = policies[pick % (policies.length + 1)]
          const after = put && { id: before?.id ?? 'pol_new', rules: edit(before, put, pick) }
          const old = createTenantMesh({ ranges, nodes, policies })
          const others = policies.flatMap((policy) =>
            policy !== before ? [policy] : after ? [after] : [],
          )
          const now = createTenantMesh({
            ranges,
            nodes,
            policies: before || !after ? others : [...others, after],
          })
          const impact = impactOfPolicy(pick % 2 ? old : now, {
            ...(before ? { before } : {}),
            ...(after ? { after } : {}),
          })
          const flips = nodes.flatMap((a) =>
            nodes
              .filter((b) => a.id < b.id && sees(old, a, b) !== sees(now, a, b))
              .map((b) => `${a.id} ${b.id} ${sees(now, a, b)}`),
          )
          assert.deepEqual(
            impact.flips?.map(({ a, b, visible }) => `${a.id} ${b.id} ${visible}`).sort(),
            flips.sort(),
          )
          for (const node of nodes)
            if (!sameRules(old, now, node)) assert.ok(impact.involved.includes(node))
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('validatePolicy', () => {
  const problems = (...list: PolicyRule[]) =>
    validatePolicy({ name: 'p', rules: list }, { ranges, nodes: fleet })

  it('accepts selectors, ids, CIDRs inside the mesh range and "*"', () => {
    assert.deepEqual(
      problems(allow('env=prod,role in (a,b)', 'n_x'), allow('10.100.4.0/24', '*')),
      [],
    )
  })

  it('names the rule, the field and the value', () => {
    const [first, ...rest] = problems(allow('*', '*'), allow('10.101.0.0/24', 'a b'))
    assert.deepEqual([first?.rule, first?.field, first?.value], [1, 'from', '10.101.0.0/24'])
    assert.match(first?.problem ?? '', /not inside the mesh range "10\.100\.0\.0\/16"/)
    assert.equal(rest.length, 1)
    assert.match(
      describeProblems(problems(allow('a b', '*'))),
      /^rule 0: from "a b": parse selector/,
    )
  })

  it('refuses what can be no label, and offers the name of the node that is meant', () => {
    const [problem, ...rest] = problems(deny('web-host', '*'), deny('role', '*'), deny('gpu', '*'))
    assert.deepEqual(rest, [])
    assert.equal(problem?.problem, 'it is no label of any node: did you mean "node:web-host"?')
    const range = problems(deny('10.100.0.1-10.100.0.9', '*'))
    assert.match(range[0]?.problem ?? '', /want one address or a CIDR, such as "10\.100\.0\.0\/28"/)
    for (const side of ['node:', 'node:n_web', 'node:*', 'node:web_host', 'fd00::1'])
      assert.equal(problems(deny(side, '*')).length, 1, side)
  })

  it('accepts what lies inside one of several ranges, and names all of them where it does not', () => {
    const sight = { ranges: [...ranges, parseCidr('10.102.0.0/16')], nodes: fleet }
    const problemsOf = (side: string) =>
      validatePolicy({ name: 'p', rules: [allow(side, '*')] }, sight)
    assert.deepEqual(problemsOf('10.102.7.0/24'), [])
    assert.match(
      problemsOf('10.101.0.0/16')[0]?.problem ?? '',
      /not inside one of the mesh ranges "10\.100\.0\.0\/16", "10\.102\.0\.0\/16"/,
    )
  })

  it('refuses a range that is wider than the mesh, host bits, and ports of icmp', () => {
    assert.equal(problems(allow('10.0.0.0/8', '*'), allow('10.100.0.1/24', '*')).length, 2)
    assert.equal(problems({ ...allow('*', '*'), protocol: 'icmp', port: 8 })[0]?.field, 'port')
  })
})

const none = { appeared: [], vanished: [], recompiled: [] }

function aNode(id: string, mesh_ip: string, labels: Record<string, string>): MeshNode {
  return { id, hostname: `${id.slice(2)}-host`, mesh_ip, labels }
}

function allow(from: string, to: string): PolicyRule {
  return { from, to, action: 'allow' }
}

function deny(from: string, to: string): PolicyRule {
  return { from, to, action: 'deny' }
}

function compiled(src: string, dst: string, action: 'allow' | 'deny' = 'allow'): CompiledRule {
  return { src, dst, port: 0, protocol: '', action }
}

function aPolicy(list: PolicyRule[]): MeshPolicy {
  return { id: 'pol_0', rules: list }
}

function meshWith(list: PolicyRule[]): TenantMesh {
  return createTenantMesh({ ranges, nodes: fleet, policies: [aPolicy(list)] })
}

const labels = fc.record(
  { env: fc.constantFrom('prod', 'dev'), role: fc.constantFrom('web', 'db') },
  { requiredKeys: [] },
)
const side = fc.constantFrom(
  '*',
  'env=prod',
  'role!=db',
  'env',
  '!env',
  'env=dev,role=web',
  'n_0',
  'n_1',
  'n_nobody',
  'node:0-host',
  'node:renamed',
  '10.100.0.0/30',
  '10.100.0.2',
)
const rules = fc.array(
  fc.record({ from: side, to: side, action: fc.constantFrom('allow' as const, 'deny' as const) }),
  { maxLength: 4 },
)
const meshes = fc.record({
  nodes: fc
    .array(labels, { maxLength: 6 })
    .map((list) => list.map((own, index) => aNode(`n_${index}`, `10.100.0.${index + 1}`, own))),
  policies: fc
    .array(rules, { maxLength: 3 })
    .map((list) => list.map((own, index): MeshPolicy => ({ id: `pol_${index}`, rules: own }))),
})

/** The rules of before with a piece replaced, so that the ends stay alike. */
function edit(before: MeshPolicy | undefined, put: PolicyRule[], pick: number): PolicyRule[] {
  const old = [...(before?.rules ?? [])]
  old.splice(pick % (old.length + 1), pick % 3, ...put)
  return old
}

/** Membership as the documentation tells it, with no structure shared with the code under test. */
function oracleHas(text: string, node: MeshNode): boolean {
  if (text === '*') return true
  if (text.startsWith('n_')) return text === node.id
  if (text.startsWith('node:')) return text === `node:${node.hostname}`
  if (/^\d/.test(text)) return cidrContains(parseCidr(text), parseIpv4(node.mesh_ip))
  return matches(parseSelector(text), node.labels)
}

function oracleVerdict(mesh: TenantMesh, source: MeshNode, target: MeshNode): string {
  const first = mesh.policies
    .flatMap((policy) => policy.rules)
    .find(({ from, to }) => oracleHas(from, source) && oracleHas(to, target))
  return first?.action ?? 'default'
}

function verdictOf(list: readonly CompiledRule[], source: MeshNode, target: MeshNode): string {
  const holds = (cidr: string, node: MeshNode): boolean =>
    cidrContains(parseCidr(cidr), parseIpv4(node.mesh_ip))
  return list.find(({ src, dst }) => holds(src, source) && holds(dst, target))?.action ?? 'default'
}

function sees(mesh: TenantMesh, a: MeshNode, b: MeshNode): boolean {
  const joins = ({ from, to, action }: PolicyRule): boolean =>
    action === 'allow' &&
    ((oracleHas(from, a) && oracleHas(to, b)) || (oracleHas(from, b) && oracleHas(to, a)))
  return mesh.policies.some((policy) => policy.rules.some(joins))
}

function oraclePeers(mesh: TenantMesh, node: MeshNode): MeshNode[] {
  return [...mesh.nodes].filter((other) => other.id !== node.id && sees(mesh, node, other))
}

function onlyNodes<T extends { other: MeshNode }>(
  list: T[],
  keep: (item: T) => boolean,
): MeshNode[] {
  return list.filter(keep).map(({ other }) => other)
}

function sameRules(old: TenantMesh, now: TenantMesh, node: MeshNode): boolean {
  return JSON.stringify(compileFor(node, old)) === JSON.stringify(compileFor(node, now))
}

function sorted(nodes: readonly MeshNode[]): MeshNode[] {
  return nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
