import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { CompiledRule } from '@plexd/protocol'
import { type Exec, ExecError, silentLog } from '@plexd/runtime'
import { enterNamespace } from '../testing/enter-namespace.ts'
import { connect, createNamespace, type Namespace, whyNoNamespaces } from '../testing/namespace.ts'
import { aRule, compilePolicies } from '../testing/ruleset.ts'
import { startTraffic, type Traffic } from '../testing/traffic.ts'
import { loadChangeSocket } from './changes/change-socket.ts'
import { loadGeneration } from './changes/generation.ts'
import { createOwnProcesses } from './changes/own-processes.ts'
import { startTableWatch } from './changes/table-watch.ts'
import { tableOwner } from './nft/table.ts'
import { createNftables } from './nftables.ts'
import { ruleName } from './rules/rule-match.ts'
import type { Ruleset, RulesetOptions } from './rules/ruleset.ts'

const skip = whyNoNamespaces(['ip', 'nft', 'ping']) ?? false

describe('nftables', { skip }, () => {
  let mesh: Awaited<ReturnType<typeof createPair>>
  before(async () => {
    mesh = await createPair()
  })
  beforeEach(() => void mesh.nodeSpace.run('nft flush ruleset'))
  after(() => mesh[Symbol.asyncDispose]())

  for (const protocol of ['tcp', 'udp'] as const) {
    it(`lets ${protocol} through where a rule allows it, in that direction and to that port only`, async () => {
      await mesh.enforce([aRule({ src: peerIp, dst: nodeIp, protocol, port: 7001 })])
      const other = protocol === 'tcp' ? 'udp' : 'tcp'
      assert.deepEqual(
        {
          allowed: await mesh.peer.reaches(protocol, nodeIp, 7001),
          otherPort: await mesh.peer.isKeptFrom(protocol, nodeIp, 7002),
          otherProtocol: await mesh.peer.isKeptFrom(other, nodeIp, 7001),
          otherDirection: await mesh.node.isKeptFrom(protocol, peerIp, 7001),
        },
        { allowed: true, otherPort: true, otherProtocol: true, otherDirection: true },
      )
    })

    it(`lets ${protocol} out where a rule allows it, and nothing in`, async () => {
      await mesh.enforce([aRule({ src: nodeIp, dst: '*', protocol, port: 7001 })])
      assert.equal(await mesh.node.reaches(protocol, peerIp, 7001), true)
      assert.equal(await mesh.node.isKeptFrom(protocol, peerIp, 7002), true)
      assert.equal(await mesh.peer.isKeptFrom(protocol, nodeIp, 7001), true)
    })
  }

  it('lets icmp through where a rule allows it, in that direction only', async () => {
    await mesh.enforce([aRule({ src: peerIp, dst: nodeIp, protocol: 'icmp' })])
    assert.equal(pings(mesh.peerSpace, nodeIp), true)
    assert.equal(pings(mesh.nodeSpace, peerIp), false)
    assert.equal(await mesh.peer.isKeptFrom('udp', nodeIp, 7001), true)
  })

  it('takes a rule without protocol and port for everything that IP carries', async () => {
    // A UDP packet that leaves the peer as one of protocol 253, which is there for experiments.
    mesh.peerSpace.run('nft -f -', protocol253)
    const all = aRule({ src: '10.100.0.0/16', dst: nodeIp })
    const counted = async (rule: CompiledRule) => {
      await mesh.enforce([rule])
      await mesh.peer.isKeptFrom('udp', nodeIp, 7253)
      const counters = await mesh.firewall.counters()
      return [ruleName('pol_test', 0), 'denied'].map((name) => counters.get(name)?.packets)
    }
    // Two: the error that comes back, as nobody knows the protocol, belongs to the flow.
    assert.deepEqual(await counted(all), [2, 0])
    assert.deepEqual(await counted({ ...all, protocol: 'udp' }), [0, 1])
    assert.deepEqual(await counted({ ...all, action: 'deny' }), [1, 1])
    mesh.peerSpace.run('nft flush ruleset')
  })

  it('obeys the first rule that matches', async () => {
    const all = aRule({ src: '*', dst: nodeIp, protocol: 'tcp' })
    const not7001 = aRule({ src: peerIp, dst: nodeIp, protocol: 'tcp', port: 7001, action: 'deny' })
    await mesh.enforce([not7001, all])
    assert.equal(await mesh.peer.isKeptFrom('tcp', nodeIp, 7001), true)
    assert.equal(await mesh.peer.reaches('tcp', nodeIp, 7002), true)
    await mesh.enforce([all, not7001])
    assert.equal(await mesh.peer.reaches('tcp', nodeIp, 7001), true)
  })

  it('cuts a connection whose rule is removed, at once, and lets it go on if the rule comes back', async () => {
    const rule = aRule({ src: peerIp, dst: nodeIp, protocol: 'tcp', port: 7001 })
    const other = aRule({ src: peerIp, dst: nodeIp, protocol: 'tcp', port: 7002 })
    await mesh.enforce([rule, other])
    await mesh.peer.open(nodeIp, 7001)
    assert.equal(await mesh.peer.answers(), true)
    await mesh.enforce([other])
    assert.equal(await mesh.peer.isCut(), true)
    await mesh.enforce([rule])
    assert.equal(await mesh.peer.answers(), true)
  })

  it('leaves a connection alone when other rules change', async () => {
    const rule = aRule({ src: peerIp, dst: nodeIp, protocol: 'tcp', port: 7001 })
    await mesh.enforce([rule])
    await mesh.peer.open(nodeIp, 7001)
    await mesh.enforce([aRule({ src: '10.100.9.9', dst: nodeIp }), rule])
    assert.equal(await mesh.peer.answers(), true)
  })

  it('lets errors about an allowed flow back, and counts by rule', async () => {
    await mesh.enforce([aRule({ src: peerIp, dst: nodeIp, protocol: 'udp', port: 7099 })])
    await mesh.peer.isKeptFrom('udp', nodeIp, 7099) // nobody listens: "port unreachable" comes back
    await mesh.peer.isKeptFrom('udp', nodeIp, 7001)
    const counters = await mesh.firewall.counters()
    assert.equal(counters.get(ruleName('pol_test', 0))?.packets, 2)
    assert.deepEqual(counters.get('denied'), { packets: 1, bytes: 29 })
  })

  it('matches the port of a rule as the peer sees it, before address translation', async () => {
    using container = createNamespace()
    connect(
      { namespace: mesh.nodeSpace, device: 'docker0', address: '172.17.0.1/16' },
      { namespace: container, device: 'eth0', address: '172.17.0.2/16' },
    )
    container.run('ip route add default via 172.17.0.1')
    mesh.nodeSpace.run(`sysctl -qw net.ipv4.ip_forward=1; nft -f -`, dockerTables)
    container.run('nft -f -', segmentCounter)
    await using service = await startTraffic(container)
    await service.listen('172.17.0.2', 80)
    await mesh.enforce([aRule({ src: peerIp, dst: nodeIp, protocol: 'tcp', port: 8080 })])
    assert.equal(await mesh.peer.reaches('tcp', nodeIp, 8080), true)
    // On its way it was told what fits into the mesh: nobody behind us knows the MTU.
    assert.match(container.run('nft list table inet segments'), /1380 counter packets [1-9]/)
    await mesh.enforce([aRule({ src: peerIp, dst: nodeIp, protocol: 'tcp', port: 80 })])
    assert.equal(await mesh.peer.isKeptFrom('tcp', nodeIp, 8080), true)
  })

  it('drops packets that a neighbour sends with a source in the mesh, unless that range is excepted', async () => {
    using neighbour = createNamespace()
    connect(
      { namespace: mesh.nodeSpace, device: 'eth0', address: '192.0.2.1/24' },
      { namespace: neighbour, device: 'eth0', address: '192.0.2.2/24' },
    )
    neighbour.run('ip address add 10.100.0.9/32 dev eth0; ip address add 10.100.7.9/32 dev eth0')
    // As Debian has it: what comes from where there is any way to is believed.
    mesh.nodeSpace.run('sysctl -qw net.ipv4.conf.all.rp_filter=2; nft -f -', arrivals)
    const meshRanges = ['10.100.0.0/16', '10.101.0.0/16']
    const options = { meshRanges, exceptions: ['10.100.7.0/24'] }
    await mesh.apply(compile([], options))
    for (const from of ['192.0.2.2', '10.100.0.9', '10.100.7.9'])
      neighbour.run(`ping -c 1 -W 0.2 -I ${from} 192.0.2.1 || true`)
    const arrived = mesh.nodeSpace.run('nft list table inet arrivals')
    assert.match(arrived, /saddr 192\.0\.2\.2 counter packets 1 /)
    assert.match(arrived, /saddr 10\.100\.0\.9 counter packets 0 /)
    assert.match(arrived, /saddr 10\.100\.7\.9 counter packets 1 /)
  })

  it('lets no packet slip through and drops none while rulesets are swapped', async () => {
    await using second = await startTraffic(mesh.peerSpace)
    const many = Array.from({ length: 300 }, (_, at) =>
      aRule({ src: `10.100.7.${at % 250}`, dst: nodeIp, port: 1 + at, protocol: 'tcp' }),
    )
    const deny7001 = aRule({ src: '*', dst: nodeIp, port: 7001, protocol: 'udp', action: 'deny' })
    const allow7002 = aRule({ src: peerIp, dst: nodeIp, port: 7002, protocol: 'udp' })
    const rulesets = [
      compile([allow7002]),
      compile([deny7001, ...many], { defaultAction: 'allow' }),
      compile([...many, deny7001, allow7002]),
    ]
    await mesh.apply(compile([allow7002]))
    await mesh.peer.startFlood(nodeIp, 7001, 500)
    await second.startFlood(nodeIp, 7002, 500)
    for (const ruleset of [...rulesets, ...rulesets, ...rulesets]) await mesh.apply(ruleset)
    const denied = await mesh.peer.stopFlood()
    const allowed = await second.stopFlood()
    assert.equal(denied.answered, 0)
    assert.equal(allowed.answered, allowed.sent)
    assert.ok(denied.sent > 200 && allowed.sent > 200)
  })

  it('leaves interfaces, ports and tables of others alone', async () => {
    using outside = createNamespace()
    connect(
      { namespace: mesh.nodeSpace, device: 'eth0', address: '192.0.2.1/24' },
      { namespace: outside, device: 'eth0', address: '192.0.2.2/24' },
    )
    await using internet = await startTraffic(outside)
    await mesh.node.listen('192.0.2.1', 51_820)
    mesh.nodeSpace.run('nft -f -', dockerTables + firewalldTables)
    const others = () =>
      ['ip nat', 'ip filter', 'inet firewalld'].map((table) =>
        mesh.nodeSpace.run(`nft -s list table ${table}`),
      )
    const before = others()
    await mesh.enforce([])
    await mesh.enforce([aRule({ src: peerIp, dst: nodeIp })])
    assert.equal(await internet.reaches('udp', '192.0.2.1', 51_820), true)
    assert.equal(await mesh.peer.reaches('tcp', nodeIp, 7001), true)
    // What firewalld forbids on the mesh interface stays forbidden, whatever our policy says.
    assert.equal(await mesh.peer.isKeptFrom('tcp', nodeIp, 7002), true)
    await mesh.firewall.remove()
    await mesh.firewall.remove()
    assert.deepEqual(others(), before)
    assert.equal(mesh.nodeSpace.run('nft list tables').includes('plexd'), false)
  })

  it('knows its table again after a restart, whatever packets it has counted', async () => {
    const ruleset = compile([aRule({ src: peerIp, dst: nodeIp, port: 7001 })], { logDenied: true })
    await mesh.apply(ruleset)
    await mesh.peer.reaches('tcp', nodeIp, 7001)
    await mesh.peer.isKeptFrom('tcp', nodeIp, 7002)
    const restarted = createNftables({ command: nftIn(mesh.nodeSpace), log: silentLog })
    const observed = await restarted.observe()
    const { state, digest, generation } = observed
    assert.deepEqual(
      { state, digest, generation },
      { state: 'intact', digest: ruleset.digest, generation: 1 },
    )
    assert.deepEqual(
      (await mesh.firewall.asLeft())?.objects.map(({ name }) => name),
      observed.objects.map(({ name }) => name),
    )
  })

  it('is read anew only after a change of the packet filter, whoever made it and whatever table it is about', async () => {
    const read = await loadGeneration(silentLog)
    const generation = await enterNamespace(mesh.nodeSpace, () => read())
    assert.ok(generation !== undefined)
    assert.equal(await enterNamespace(mesh.nodeSpace, () => read()), generation)
    mesh.nodeSpace.run('nft add table inet other')
    const after = await enterNamespace(mesh.nodeSpace, () => read())
    assert.notEqual(after, generation)
    mesh.nodeSpace.run('nft delete table inet other')

    let now: number | undefined = 1
    const firewall = createNftables({
      command: nftIn(mesh.nodeSpace),
      log: silentLog,
      generation: () => now,
    })
    const seen = await firewall.observe()
    assert.equal(await firewall.observe(), seen)
    now = 2
    assert.notEqual(await firewall.observe(), seen)
    now = undefined
    assert.notEqual(await firewall.observe(), await firewall.observe())
  })

  for (const [what, command] of [
    ['a rule that lets all in', 'nft insert rule inet plexd input accept'],
    ['a flushed chain', 'nft flush chain inet plexd input'],
    ['a flushed table', 'nft flush table inet plexd'],
    ['a deleted table', 'nft delete table inet plexd'],
    ['a flushed ruleset', 'nft flush ruleset'],
    [
      'an element that was added',
      `nft 'add element inet plexd rules_1_0 { 10.100.9.9 . ${'10.100.0.1'} . tcp . 1 : accept }'`,
    ],
    [
      'an element that was deleted',
      'nft "delete element inet plexd rules_1_0 { 10.100.0.2 . 10.100.0.1 . tcp . 7001 }"',
    ],
    ['a set that is not ours', 'nft "add set inet plexd x { type ipv4_addr; }"'],
    [
      'an input chain without a hook',
      'nft "delete chain inet plexd input; add chain inet plexd input"',
    ],
    ['a table that sleeps', 'nft "add table inet plexd { flags dormant; }"'],
    [
      'a counter in a deleted table',
      'nft "delete table inet plexd; add table inet plexd; add counter inet plexd x"',
    ],
  ] as const)
    it(`hears of ${what} and puts its rules back`, async () => {
      const ruleset = compile([aRule({ src: peerIp, dst: nodeIp, port: 7001 })])
      await mesh.apply(ruleset)
      const restored = Promise.withResolvers<void>()
      using _ = await mesh.watch(async () => {
        await mesh.apply(ruleset)
        restored.resolve()
      })
      mesh.nodeSpace.run(command)
      await restored.promise
      assert.equal((await mesh.firewall.observe()).digest, ruleset.digest)
      assert.equal(await mesh.peer.reaches('tcp', nodeIp, 7001), true)
      assert.equal(await mesh.peer.isKeptFrom('tcp', nodeIp, 7002), true)
    })

  it('is not notified of its own changes, or of those to other tables', async () => {
    let heard = 0
    using _ = await mesh.watch(() => {
      heard++
    })
    await mesh.enforce([])
    mesh.nodeSpace.run('nft add table inet plexd_other')
    await mesh.enforce([aRule({ src: peerIp, dst: nodeIp })])
    await delay(250)
    assert.equal(heard, 0)
  })

  it('keeps what is in force when a ruleset is refused', async () => {
    const good = compile([aRule({ src: peerIp, dst: nodeIp, port: 7001 })])
    await mesh.apply(good)
    const [match] = good.layers[0] ?? []
    assert.ok(match)
    const broken = { ...good, layers: [[{ ...match, ports: { first: 9, last: 7 } }]] }
    await assert.rejects(mesh.apply(broken), /apply ruleset/)
    assert.equal((await mesh.firewall.observe()).digest, good.digest)
  })

  it('finds nothing wrong with a new nft, and removes a table that is not there', async () => {
    using space = createNamespace()
    const firewall = createNftables({ command: nftIn(space), log: silentLog })
    assert.equal(await firewall.check(), undefined)
    assert.equal((await firewall.observe()).state, 'missing')
    await firewall.remove()
    assert.equal(space.run('nft list ruleset'), '')
  })
})

describe('tableOwner', () => {
  it('knows for which interface a table was written, and finds none where nft does not', async () => {
    const list: Exec = async () =>
      'table inet plexd {\n\tchain output {\n\t\toifname "plexd0" drop\n'
    assert.equal(await tableOwner('plexd0', list), 'ours')
    assert.equal(await tableOwner('plexd', list), 'of another')
    const emptied: Exec = async () => 'table inet plexd {\n\tchain output {\n'
    assert.equal(await tableOwner('plexd0', emptied), 'unknown')
    const missing: Exec = async () => {
      throw new ExecError('run "nft": there is none', { missing: true })
    }
    assert.equal(await tableOwner('plexd0', missing), undefined)
  })
})

describe('the check of nft', () => {
  it('says what to install when nft is missing', async () => {
    const firewall = createNftables({ command: ['plexd-no-such-nft' as 'nft'], log: silentLog })
    assert.equal(
      await firewall.check(),
      'the mesh waits, because its packets cannot be filtered: nft is missing; install it with "apt-get install nftables", or go without a filter with "policy.enabled: false" in the config',
    )
  })

  it('says what an nft that is too old does not understand', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-nft-'))
    const nft = join(folder, 'nft')
    await writeFile(
      nft,
      '#!/bin/sh\necho "stdin:9:3-9: Error: syntax error, unexpected counter" >&2\nexit 1\n',
    )
    await chmod(nft, 0o755)
    assert.equal(
      await createNftables({ command: [nft as 'nft'], log: silentLog }).check(),
      'the mesh waits, because its packets cannot be filtered: nft or the kernel is too old (stdin:9:3-9: Error: syntax error, unexpected counter); want nftables 1.0 and Linux 5.10 or newer',
    )
    await rm(folder, { recursive: true })
  })
})

const nodeIp = '10.100.0.1'
const peerIp = '10.100.0.2'

/** A node with a firewall on its mesh interface, and a peer at the other end; both answer on 7001 and 7002. */
async function createPair() {
  const nodeSpace = createNamespace()
  const peerSpace = createNamespace()
  connect(
    { namespace: nodeSpace, device: 'plexd0', address: `${nodeIp}/16` },
    { namespace: peerSpace, device: 'plexd0', address: `${peerIp}/16` },
  )
  const [node, peer] = await Promise.all([startTraffic(nodeSpace), startTraffic(peerSpace)])
  for (const port of [7001, 7002]) {
    await node.listen(nodeIp, port)
    await peer.listen(peerIp, port)
  }
  const ownProcesses = createOwnProcesses()
  const firewall = createNftables({
    command: nftIn(nodeSpace),
    log: silentLog,
    onWrite: (id) => ownProcesses.add(id),
  })
  const apply = async (ruleset: Ruleset): Promise<void> =>
    firewall.apply(ruleset, await firewall.observe())
  return {
    nodeSpace,
    peerSpace,
    node,
    peer,
    firewall,
    apply,
    enforce: (rules: CompiledRule[]) => apply(compile(rules)),
    watch: (onChange: () => void) => startWatch(nodeSpace, { isOurs: ownProcesses.has, onChange }),
    async [Symbol.asyncDispose]() {
      await Promise.all([node, peer].map((traffic: Traffic) => traffic[Symbol.asyncDispose]()))
      nodeSpace[Symbol.dispose]()
      peerSpace[Symbol.dispose]()
    },
  }
}

async function startWatch(
  space: Namespace,
  { isOurs, onChange }: { isOurs: (processId: number) => boolean; onChange: () => void },
): Promise<Disposable> {
  const socket = await enterNamespace(space, await loadChangeSocket())
  return startTableWatch({ socket, isOurs, onChange })
}

function nftIn({ enter }: Namespace): readonly ['ip', ...string[]] {
  return [...enter, 'nft']
}

function compile(rules: CompiledRule[], options?: Partial<RulesetOptions>): Ruleset {
  return compilePolicies([{ id: 'pol_test', rules }], options)
}

function pings(from: Namespace, address: string): boolean {
  try {
    from.run(`ping -c 1 -W 1 ${address}`)
    return true
  } catch {
    return false
  }
}

const protocol253 = `
table ip peer {
	chain out {
		type filter hook output priority raw; policy accept;
		udp dport 7253 ip protocol set 253
	}
}
`

/** Counts what has passed, by where it says that it comes from. */
const arrivals = `table inet arrivals {
	chain in {
		type filter hook input priority 10;
		ip saddr 192.0.2.2 counter
		ip saddr 10.100.0.9 counter
		ip saddr 10.100.7.9 counter
	}
}
`

/** Counts connections that are told of 1,380 bytes to a segment. */
const segmentCounter = `table inet segments {
	chain in {
		type filter hook input priority 0;
		tcp flags syn tcp option maxseg size 1380 counter
	}
}
`

/** What Docker writes for a container that publishes port 80 as 8080. */
const dockerTables = `
table ip nat {
	chain DOCKER {
		iifname "docker0" counter return
		iifname != "docker0" tcp dport 8080 counter dnat to 172.17.0.2:80
	}
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local counter jump DOCKER
	}
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade
	}
}
table ip filter {
	chain DOCKER {
		iifname != "docker0" oifname "docker0" ip daddr 172.17.0.2 tcp dport 80 counter accept
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		oifname "docker0" ct state related,established counter accept
		oifname "docker0" counter jump DOCKER
		iifname "docker0" counter accept
	}
}
`

/** A host firewall that lets in WireGuard, and on the mesh interface one port only. */
const firewalldTables = `
table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		iifname "lo" accept
		udp dport 51820 accept
		iifname "plexd0" tcp dport 7001 accept
		reject with icmpx admin-prohibited
	}
}
`
