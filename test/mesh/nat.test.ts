import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createLab, type Host, type Lab, type StunServer } from '../../scripts/laboratory/lab.ts'
import type { NatKind } from '../../scripts/laboratory/nat.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'

const netcheckProgram = join(
  import.meta.dirname,
  '../../packages/agent/src/testing/netcheck-process.ts',
)

describe('the public endpoint', { skip: labSkip('turnserver') }, () => {
  let lab: Lab
  let stun: StunServer
  before(async () => {
    lab = await createLab()
    stun = await lab.stunServer()
  })
  after(() => lab[Symbol.asyncDispose]())

  for (const [nat, type] of [
    ['full_cone', 'full_cone'],
    ['restricted', 'restricted'],
    ['port_restricted', 'port_restricted'],
    ['symmetric', 'symmetric'],
    ['one_to_one', 'full_cone'],
  ] as const satisfies [NatKind, string][])
    it(`of WireGuard's port is found behind a ${nat} NAT, whose type is ${type}`, async () => {
      const router = await lab.router(nat.replace('_', ''), nat)
      const host = await lab.host(`in-${nat.replace('_', '')}`, { behind: router })
      await using _ = await startWireguard(host)
      const found = await netcheck(host)
      assert.equal(found.nat_type, type)
      assert.equal(found.way, 'rewrite')
      const [address, port] = found.public_endpoint.split(':')
      assert.equal(address, router.address)
      if (nat !== 'symmetric') assert.equal(port, '51820')
      assert.deepEqual(found.local_endpoints, [`${host.address}:51820`])
      assert.equal(await host.exec(['nft', 'list', 'tables']), '')
    })

  it("is the host's own address without a NAT", async () => {
    const host = await lab.host('bare')
    await using _ = await startWireguard(host)
    const found = await netcheck(host)
    assert.equal(found.nat_type, 'none')
    assert.equal(found.public_endpoint, `${host.address}:51820`)
  })

  it('is unknown if UDP is blocked, which is reported', async () => {
    const router = await lab.router('blocking', 'udp_blocked')
    const host = await lab.host('blocked', { behind: router })
    await using _ = await startWireguard(host)
    const found = await netcheck(host)
    assert.equal(found.public_endpoint, '')
    assert.equal(found.nat_type, 'unknown')
    assert.equal(found.way_reason, 'no STUN server answers, on any port: not proven yet')
  })

  it('is found through a strict host firewall that admits only WireGuard', async () => {
    const router = await lab.router('outer', 'port_restricted')
    const host = await lab.host('strict', { behind: router })
    await host.exec(['nft', '-f', '-'], { input: strictFirewall })
    await using _ = await startWireguard(host)
    const found = await netcheck(host)
    assert.equal(found.public_endpoint, `${router.address}:51820`)
    assert.equal(found.way, 'rewrite')
  })

  it('is found even if rules with the right name but another content were left behind', async () => {
    const router = await lab.router('tampered', 'port_restricted')
    const host = await lab.host('tampered-in', { behind: router })
    await using _ = await startWireguard(host)
    const name = 'rewrite 40123 to 51820 for user 0'
    const rule = `udp dport 1 counter comment "${name}"`
    const left = `table inet plexd_stun { chain out { type filter hook output priority raw; ${rule}; }; }`
    await host.exec(['nft', '-f', '-'], { input: left })
    const found = await netcheck(host)
    assert.equal(found.public_endpoint, `${router.address}:51820`)
    assert.equal(found.way, 'rewrite')
  })

  it('is found by translation if nft cannot match payloads', async () => {
    const router = await lab.router('older', 'port_restricted')
    const host = await lab.host('old', { behind: router })
    await using _ = await startWireguard(host)
    const found = await netcheck(host, { nft: 'grep -q @th "$input" && exit 1' })
    assert.equal(found.way, 'translate')
    assert.match(found.way_reason, /^rewrite does not work: .*exit code 1.*; nftables translates/)
    assert.equal(found.public_endpoint, `${router.address}:51820`)
  })

  it('is found without nft as long as WireGuard does not have the port', async () => {
    const router = await lab.router('bare-nft', 'port_restricted')
    const host = await lab.host('no-nft', { behind: router })
    const before = await netcheck(host, { nft: 'exit 127' })
    assert.equal(before.way, 'direct')
    assert.equal(before.public_endpoint, `${router.address}:51820`)
    await using _ = await startWireguard(host)
    const after = await netcheck(host, { nft: 'exit 127' })
    assert.equal(after.way, 'none')
    assert.equal(after.public_endpoint, '')
    assert.match(after.way_reason, /the port itself is in use$/)
  })

  async function netcheck(host: Host, { nft = '' } = {}) {
    const servers = [`${stun.address}:3478`]
    const path = nft === '' ? (process.env.PATH ?? '') : await brokenNft(host, nft)
    const command = [
      'env',
      `PATH=${path}`,
      process.execPath,
      netcheckProgram,
      '51820',
      ...servers,
    ] as const
    return JSON.parse(await host.exec(command, { timeoutMs: 60_000 }))
  }
})

/** A folder for PATH with an nft that first runs `script`, in which `$input` is a file with what it was given. */
async function brokenNft(host: Host, script: string): Promise<string> {
  const text = `#!/bin/sh\ninput=/run/nft-input\n[ "$1" = -f ] && cat > $input\n${script}\nexec /usr/sbin/nft "$@" < $input\n`
  await host.exec(['sh', '-ec', 'mkdir -p /run/bin; cat > /run/bin/nft; chmod +x /run/bin/nft'], {
    input: text,
  })
  return `/run/bin:${process.env.PATH}`
}

/** wireguard-go on the port, with a tunnel to nobody. */
async function startWireguard(host: Host): Promise<AsyncDisposable> {
  await host.exec(['wireguard-go', 'plexd0'])
  await host.exec(['wg', 'set', 'plexd0', 'listen-port', '51820'])
  await host.ip(['link set plexd0 up'])
  return {
    async [Symbol.asyncDispose]() {
      await host.ip(['link delete plexd0'])
    },
  }
}

const strictFirewall = `table inet host {
	chain input {
		type filter hook input priority filter; policy drop;
		iifname lo accept
		ct state established,related accept
		udp dport 51820 accept
	}
}
`
