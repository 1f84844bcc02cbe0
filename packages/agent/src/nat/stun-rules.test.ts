import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rewriteText, translateText } from './stun-rules.ts'

const ports = { wireguardPort: 51_820, stunPort: 40_123, userId: 0 }

describe('rewriteText', () => {
  it('rewrites STUN messages of ours going out, and those to WireGuard coming in', () => {
    assert.equal(
      rewriteText(ports),
      `add table inet plexd_stun
delete table inet plexd_stun
table inet plexd_stun {
	chain out {
		type filter hook output priority raw; policy accept;
		meta skuid 0 udp sport 40123 @th,64,16 { 0x0001, 0x0101, 0x0111 } @th,96,32 0x2112a442 counter udp sport set 51820 comment "out"
	}
	chain in {
		type filter hook input priority 100; policy accept;
		udp dport 51820 @th,64,16 { 0x0001, 0x0101, 0x0111 } @th,96,32 0x2112a442 limit rate 1000/second burst 500 packets counter udp dport set 40123 comment "in"
	}
}
`,
    )
  })
})

describe('translateText', () => {
  it('translates what leaves our socket', () => {
    assert.equal(
      translateText(ports),
      `add table inet plexd_stun
delete table inet plexd_stun
table inet plexd_stun {
	chain out {
		type nat hook postrouting priority srcnat; policy accept;
		meta skuid 0 udp sport 40123 counter snat to :51820 comment "out"
	}
}
`,
    )
  })
})
