import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseRuleName, ruleName, tableText, ways } from './stun-rules.ts'

const ports = { wireguardPort: 51_820, stunPort: 40_123, userId: 0 }

describe('tableText', () => {
  it("rewrites this process's outgoing STUN messages, and incoming ones to WireGuard's port", () => {
    assert.equal(
      tableText('rewrite', ports),
      `add table inet plexd_stun
delete table inet plexd_stun
table inet plexd_stun {
	chain out {
		type filter hook output priority raw; policy accept;
		meta skuid 0 udp sport 40123 @th,64,16 { 0x0001, 0x0101, 0x0111 } @th,96,32 0x2112a442 counter udp sport set 51820 comment "rewrite 40123 to 51820 for user 0"
	}
	chain in {
		type filter hook input priority 100; policy accept;
		udp dport 51820 @th,64,16 { 0x0001, 0x0101, 0x0111 } @th,96,32 0x2112a442 limit rate 1000/second burst 500 packets counter udp dport set 40123 comment "answers"
	}
}
`,
    )
  })

  it("translates the packets of this process's socket", () => {
    assert.equal(
      tableText('translate', ports),
      `add table inet plexd_stun
delete table inet plexd_stun
table inet plexd_stun {
	chain out {
		type nat hook postrouting priority srcnat; policy accept;
		meta skuid 0 udp sport 40123 counter snat to :51820 comment "translate 40123 to 51820 for user 0"
	}
}
`,
    )
  })
})

describe('ruleName', () => {
  it('can be parsed back', () => {
    for (const way of ways) assert.deepEqual(parseRuleName(ruleName(way, ports)), { way, ports })
  })

  it('is undefined for any other name', () => {
    for (const name of ['answers', '', 'other 1 to 2 for user 0', 'rewrite 1 to 2 for user 0 too'])
      assert.equal(parseRuleName(name), undefined)
  })
})
