import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CompiledPolicy, CompiledRule } from '@plexd/protocol'
import { aRule, compilePolicies } from '../../testing/ruleset.ts'
import { switchText } from './base-chains.ts'
import { buildText } from './deciding-chains.ts'
import { objectsOf, type Ruleset, type RulesetOptions } from './ruleset.ts'

const policies: CompiledPolicy[] = [
  {
    id: 'pol_web',
    rules: [
      ruleTo({ src: '10.100.1.3/32', port: 22, protocol: 'tcp', action: 'deny' }),
      ruleTo({ src: '10.100.1.0/24', port: 443, protocol: 'tcp' }),
      ruleTo({ src: '10.100.1.0/24', port: 53 }),
    ],
  },
  {
    id: 'pol_ops',
    rules: [ruleTo({ src: '*', protocol: 'icmp' }), ruleTo({ src: '10.100.1.3/32' })],
  },
]

describe('buildText', () => {
  it('writes the rules in layers, each with its counter and its name', () => {
    assert.equal(
      buildText(compile({}), 3),
      `table inet plexd {
	chain denied_3 {
		counter drop comment "denied"
	}
	chain allowed_3 {
		meta mark set mark or 0x1000 accept
	}
	map rules_3_0 {
		type ipv4_addr . ipv4_addr . inet_proto . inet_service : verdict
		flags interval
		counter
		elements = {
			10.100.1.3 . 10.100.1.2 . 6 . 22 counter comment "pol_web#0" : goto denied_3,
			10.100.1.0/24 . 10.100.1.2 . 6 . 443 counter comment "pol_web#1" : goto allowed_3,
			10.100.1.0/24 . 10.100.1.2 . 6 . 53 counter comment "pol_web#2" : goto allowed_3,
			10.100.1.0/24 . 10.100.1.2 . 17 . 53 counter comment "pol_web#2" : goto allowed_3,
			0.0.0.0/0 . 10.100.1.2 . 1 . 0-65535 counter comment "pol_ops#0" : goto allowed_3
		}
	}
	map rules_3_1 {
		type ipv4_addr . ipv4_addr . inet_proto . inet_service : verdict
		flags interval
		counter
		elements = {
			10.100.1.3 . 10.100.1.2 . 0-255 . 0-65535 counter comment "pol_ops#1" : goto allowed_3
		}
	}
	chain decide_3 {
		meta nfproto != ipv4 counter drop comment "not IPv4"
		ct state invalid,untracked counter goto denied_3 comment "no flow"
		meta l4proto { tcp, udp, icmp } ct original ip saddr . ct original ip daddr . ct protocol . ct original proto-dst vmap @rules_3_0
		meta l4proto != { tcp, udp, icmp } ct original ip saddr . ct original ip daddr . ct protocol . th dport vmap @rules_3_0
		meta l4proto { tcp, udp, icmp } ct original ip saddr . ct original ip daddr . ct protocol . ct original proto-dst vmap @rules_3_1
		meta l4proto != { tcp, udp, icmp } ct original ip saddr . ct original ip daddr . ct protocol . th dport vmap @rules_3_1
		counter goto denied_3 comment "default"
	}
}
`,
    )
  })

  it('accepts what no rule is about where that is the default, and logs what is denied where that is wanted', () => {
    const ruleset = compile({ defaultAction: 'allow', logDenied: true, policies: [] })
    assert.equal(
      buildText(ruleset, 1),
      `table inet plexd {
	chain denied_1 {
		limit rate 5/second burst 10 packets log prefix "plexd denied: "
		counter drop comment "denied"
	}
	chain allowed_1 {
		meta mark set mark or 0x1000 accept
	}
	chain decide_1 {
		meta nfproto != ipv4 counter drop comment "not IPv4"
		ct state invalid,untracked counter goto denied_1 comment "no flow"
		counter goto allowed_1 comment "default"
	}
}
`,
    )
  })
})

describe('switchText', () => {
  it('leads the packets of the mesh interface, and no others, to the new rules', () => {
    assert.equal(
      switchText(compile({}), 3),
      `table inet plexd {
	chain input {
		type filter hook input priority filter; policy accept;
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
	}
	chain output {
		type filter hook output priority filter; policy accept;
	}
	chain from_peers {
		type filter hook prerouting priority mangle; policy accept;
	}
	chain segments {
		type filter hook forward priority mangle; policy accept;
	}
	chain in_clear {
		type filter hook postrouting priority filter; policy accept;
	}
}
flush chain inet plexd input
flush chain inet plexd forward
flush chain inet plexd output
flush chain inet plexd from_peers
flush chain inet plexd segments
flush chain inet plexd in_clear
add rule inet plexd input iifname "plexd0" jump decide_3
add rule inet plexd forward iifname "plexd0" jump decide_3
add rule inet plexd forward oifname "plexd0" jump decide_3
add rule inet plexd output oifname "plexd0" udp sport 51820 counter drop comment "WireGuard in the mesh"
add rule inet plexd output oifname "plexd0" jump decide_3
add rule inet plexd segments iifname "plexd0" tcp flags syn tcp option maxseg size set 1380
add rule inet plexd segments oifname "plexd0" tcp flags syn tcp option maxseg size set 1380
`,
    )
  })

  it('drops packets for the mesh that leave by another interface, but not those for other networks in its range', () => {
    const ruleset = compile({
      meshRanges: ['10.100.0.0/16'],
      exceptions: ['10.100.7.0/24', '10.100.9.9'],
    })
    assert.match(
      switchText(ruleset, 3),
      /\nadd rule inet plexd in_clear oifname != \{ "lo", "plexd0" \} ip daddr 10\.100\.0\.0\/16 ip daddr != \{ 10\.100\.7\.0\/24, 10\.100\.9\.9 \} meta mark and 0xffff != 0xe4 counter drop comment "for the mesh, in clear"\n$/,
    )
    assert.equal(objectsOf(ruleset, 3).get('in_clear'), 2)
    const without = switchText(compile({ meshRanges: ['10.100.0.0/16'], exceptions: [] }), 3)
    assert.match(without, /ip daddr 10\.100\.0\.0\/16 meta mark/)
  })

  it('drops packets with a mesh source that arrive on another interface, but not those of other networks in its range', () => {
    const ruleset = compile({ meshRanges: ['10.100.0.0/16'], exceptions: ['10.100.7.0/24'] })
    const lines = switchText(ruleset, 3).split('\n')
    const guards = ['ct direction original', 'ct state invalid,untracked'].map(
      (begun) =>
        `iifname != { "lo", "plexd0" } ${begun} ip saddr 10.100.0.0/16 ip saddr != { 10.100.7.0/24 } meta mark and 0xffff != 0xe4 counter drop comment "from the mesh, around it"`,
    )
    for (const chain of ['input', 'forward']) {
      const rules = lines.filter((line) => line.startsWith(`add rule inet plexd ${chain} `))
      assert.deepEqual(
        rules.slice(0, 2),
        guards.map((guard) => `add rule inet plexd ${chain} ${guard}`),
      )
      assert.equal(objectsOf(ruleset, 3).get(chain), rules.length + 1)
    }
  })

  it('covers all ranges of a mesh with several', () => {
    const ranges = { meshRanges: ['10.100.0.0/16', '10.101.0.0/16'], exceptions: [] }
    const lines = switchText(compile(ranges), 3).split('\n')
    const among = (chain: string, side: string): boolean =>
      lines.some(
        (line) =>
          line.startsWith(`add rule inet plexd ${chain} `) &&
          line.includes(` ip ${side} { 10.100.0.0/16, 10.101.0.0/16 } `),
      )
    assert.ok(among('in_clear', 'daddr') && among('from_peers', 'saddr') && among('input', 'saddr'))
  })

  it("marks WireGuard's packets from peers whose endpoint is in the mesh range", () => {
    const lines = switchText(compile({ meshRanges: ['10.100.0.0/16'] }), 3).split('\n')
    assert.deepEqual(
      lines.filter((line) => line.startsWith('add rule inet plexd from_peers ')),
      [
        'add rule inet plexd from_peers iifname != "plexd0" ip saddr 10.100.0.0/16 udp dport 51820 meta mark set mark and 0xffff0000 or 0xe4',
      ],
    )
  })

  it('drops packets to the mesh address that arrive on another interface', () => {
    const lines = switchText(compile({ meshIp: '10.100.1.2' }), 3).split('\n')
    const guards = [
      'iifname != { "lo", "plexd0" } ct direction original ct original ip daddr 10.100.1.2 counter drop comment "around the mesh"',
      'iifname != { "lo", "plexd0" } ct state invalid,untracked ip daddr 10.100.1.2 counter drop comment "around the mesh"',
    ]
    for (const chain of ['input', 'forward']) {
      const start = `add rule inet plexd ${chain} `
      const rules = lines.filter((line) => line.startsWith(start))
      assert.deepEqual(
        rules.slice(0, 2).map((rule) => rule.slice(start.length)),
        guards,
      )
    }
    assert.ok(!lines.some((line) => line.startsWith('add rule inet plexd output iif')))
  })
})

describe('compileRuleset', () => {
  it('gives the same digest to the same rules, and another to any difference', () => {
    const digests = [
      compile({}),
      compile({ policies: policies.toReversed() }),
      compile({ policies: policies.slice(1) }),
      compile({ interface: 'wg7' }),
      compile({ wireguardPort: 51_821 }),
      compile({ defaultAction: 'allow' }),
      compile({ logDenied: true }),
      compile({ meshRanges: ['10.100.0.0/16'] }),
      compile({ mtu: 1_280 }),
      compile({ meshRanges: ['10.100.0.0/16'], exceptions: [] }),
      compile({ meshRanges: ['10.100.0.0/16', '10.101.0.0/16'], exceptions: [] }),
      compile({ meshRanges: ['10.100.0.0/16'], exceptions: ['10.100.7.0/24'] }),
    ].map(({ digest }) => digest)
    assert.equal(new Set(digests).size, digests.length)
    assert.equal(compile({}).digest, digests[0])
  })

  it('refuses an interface name that is more than a name', () => {
    assert.throws(() => compile({ interface: 'x" accept' }), {
      message: 'interface name "x" accept" is not usable',
    })
    assert.throws(() => compile({ meshIp: '10.100.1.2 accept' }), /"10.100.1.2 accept"/)
  })

  it('tells what the table then consists of', () => {
    assert.deepEqual(Object.fromEntries(objectsOf(compile({ logDenied: true }), 3)), {
      rules_3_0: 5,
      rules_3_1: 1,
      denied_3: 2,
      allowed_3: 1,
      decide_3: 7,
      input: 2,
      forward: 3,
      output: 3,
      from_peers: 1,
      segments: 3,
      in_clear: 1,
    })
    assert.partialDeepStrictEqual(
      Object.fromEntries(
        objectsOf(compile({ meshIp: '10.100.1.2', meshRanges: ['10.100.0.0/16'] }), 3),
      ),
      { input: 4, forward: 5, output: 3, from_peers: 2 },
    )
  })
})

function compile({
  policies: given = policies,
  ...options
}: Partial<RulesetOptions> & { policies?: CompiledPolicy[] }): Ruleset {
  return compilePolicies(given, options)
}

function ruleTo(rule: Partial<CompiledRule>): CompiledRule {
  return aRule({ src: '*', dst: '10.100.1.2/32', ...rule })
}
