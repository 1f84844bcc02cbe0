import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ExecError } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { createLab, type Host } from '../../../scripts/laboratory/lab.ts'
import { capture, lostPings, ping, untilPing } from '../../../scripts/laboratory/probes.ts'
import { labSkip } from '../../../scripts/laboratory/requirements.ts'
import { type MeshMember, startMeshSystem } from '../../../scripts/programs/mesh-system.ts'
import { explained } from '../support/explained.ts'
import { joinAll } from '../support/members.ts'

const quickly = () => ({ config: 'reconcile: { interval: 1s }\nheartbeat: { interval: 1s }' })

describe('a mesh that overlaps a network of the machine', { skip: labSkip('tcpdump') }, () => {
  it('is refused and reported, and brought up when the network is gone', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const lan = await lab.host('lan')
    // A network of this host, with the address that the node would get as one of its own.
    await lan.ip(bridge('10.100.0.1/25'))
    const member = await system.join('lan', lan, quickly())

    await until('the problem is shown', async () =>
      /10\.100\.0\.(0\/16|1).*(10\.100\.0\.0\/25 dev br0|br0)/.test(await member.plexd('status')),
    )
    assert.equal(await ping(lan, '10.100.0.1'), 1)
    const links = await lan.exec(['ip', '-brief', 'link'])
    assert.doesNotMatch(links, /plexd0/)
    const tables = await lan.exec(['nft', 'list', 'tables'])
    assert.doesNotMatch(tables, /inet plexd$/m)
    assert.doesNotMatch(await lan.exec(['ip', 'rule']), /8293/)

    await lan.ip(['link delete br0'])
    await untilPing(lan, member.meshIp)
    await until(
      'the problem is gone',
      async () => !(await member.plexd('status')).includes('refused'),
    )
  })

  it('leaves a smaller network to the machine, and reports both ranges to the control plane', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web, db } = await joinAll(lab, system, ['web', 'db'], quickly)
    await untilPing(web.host, db.meshIp)

    await web.host.ip(bridge('10.100.7.1/24'))
    await until('the neighbour has the way to it', async () =>
      /dev br0/.test(await web.host.exec(['ip', 'route', 'get', '10.100.7.2'])),
    )
    const words = /10\.100\.0\.0\/16 overlaps .*10\.100\.7\.0\/24 dev br0/
    await untilSaid(web, words)
    await until('the operator is told', async () =>
      words.test(await system.plexctl('node', 'show', 'web')),
    )
    assert.match(await doctor(web), words)
    assert.equal(await ping(web.host, db.meshIp), 1)

    await web.host.ip(['link delete br0'])
    await until('it is of the mesh again', async () =>
      /dev plexd0/.test(await web.host.exec(['ip', 'route', 'get', '10.100.7.2'])),
    )
  })

  it('sends no packet for a peer elsewhere, whatever routes a neighbour announces', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web, db } = await joinAll(lab, system, ['web', 'db'], quickly)
    await untilPing(web.host, db.meshIp)
    await using clear = await capture(web.host, { on: 'eth0', filter: `host ${db.meshIp}` })

    // Without the address of this node itself, for whose sake all would be refused.
    const network = db.meshIp.replace(/\d+$/, (last) => `${Number(last) & ~1}/31`)
    for (const route of [db.meshIp, network]) {
      // As DHCP does, by its option 121.
      const way = `${route} via ${system.host.address} dev eth0 onlink`
      await web.host.ip([`route add ${way}`])
      await untilSaid(web, new RegExp(`overlaps .*${route}(/32)?, the route ${route} dev eth0`))
      await explained([web, db], async () => {
        assert.equal(await ping(web.host, db.meshIp), 1)
      })
      assert.match(await web.host.exec(['ip', 'route', 'get', db.meshIp]), /dev plexd0/)
      // Nor where somebody has taken the routing away too.
      web.agent.program().child.kill('SIGSTOP')
      await web.host.ip(['rule delete lookup 8293'])
      await web.host.exec(pingOnce(db)).catch(String)
      assert.deepEqual(clear.packets(), [])
      web.agent.program().child.kill('SIGCONT')
      await untilPing(web.host, db.meshIp)
      await web.host.ip([`route delete ${way}`])
    }
  })

  it('keeps the mesh and the gateway when the machine joins a network as large as the range', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web, db } = await joinAll(lab, system, ['web', 'db'], quickly)
    await untilPing(web.host, db.meshIp)

    await web.host.ip([
      ...bridge('10.100.200.9/16'),
      'route add 198.51.100.0/24 via 10.100.200.254 dev br0',
    ])
    await untilSaid(web, /10\.100\.0\.0\/16 overlaps the route 10\.100\.0\.0\/16 dev br0/)
    assert.equal(await ping(web.host, db.meshIp), 1)
    // The gateway of a route that came after the network itself was said.
    await until('the gateway stays with the machine', async () =>
      /dev br0/.test(await web.host.exec(['ip', 'route', 'get', '10.100.200.254'])),
    )
    assert.equal(await ping(web.host, system.host.address), 1)
  })

  it('takes over no packet to the control plane, to the gateway or of WireGuard, even if their addresses are in its range', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab, ['--mesh-cidr', '203.0.112.0/23'])
    const { web, db } = await joinAll(lab, system, ['web', 'db'], quickly)
    // Each drops what comes by another interface than an answer would leave by.
    for (const { host } of [web, db])
      await host.exec(['sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=1'])

    await untilPing(web.host, db.meshIp, 20_000)
    await untilSaid(
      web,
      /203\.0\.113\.1, the address of the control plane|203\.0\.113\.\d+, .* and \d more/,
    )
    assert.equal(await ping(web.host, system.host.address), 1)
    await using inside = await capture(web.host, { on: 'plexd0', filter: 'udp port 51820' })
    assert.equal(await lostPings(web.host, db.meshIp), 0)
    assert.deepEqual(inside.packets(), [])
    assert.match(await web.plexd('status'), /connected|ok/)

    const heedsMarks = ['sysctl', '-n', 'net.ipv4.conf.all.src_valid_mark'] as const
    assert.equal(await web.host.exec(heedsMarks), '1\n')
    await web.plexd('down')
    assert.equal(await web.host.exec(heedsMarks), '0\n')
  })

  it('reaches its peers despite the rule of another VPN for all of 10.0.0.0/8, and reports a rule that precedes its own', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web, db } = await joinAll(lab, system, ['web', 'db'], quickly)
    await untilPing(web.host, db.meshIp)

    await web.host.ip([
      ...bridge('192.0.2.1/24'),
      'route add default dev br0 table 77',
      'rule add to 10.0.0.0/8 lookup 77 priority 100',
    ])
    assert.equal(await ping(web.host, db.meshIp), 1)

    await web.host.ip(['rule add to 10.0.0.0/8 lookup 77 priority 5'])
    await untilSaid(web, new RegExp(`${db.nodeId}.*, ${db.meshIp}, leave by br0 instead of plexd0`))
    assert.deepEqual(
      (await web.peers()).map(({ state }) => state),
      ['misrouted'],
    )
    await web.host.ip(['rule delete priority 5'])
    await until('it is right again', async () => !/leave by/.test(await web.plexd('status')))
    assert.equal(await ping(web.host, db.meshIp), 1)

    // For one user alone: whoever asks the kernel for the way is another one.
    await web.host.ip(['rule add uidrange 65534-65534 lookup main priority 5'])
    const send = ['setpriv', '--reuid', '65534', '--clear-groups', 'bash', '-c'] as const
    await until('doctor tells of what was dropped', async () => {
      await web.host.exec([...send, `echo > /dev/udp/${db.meshIp}/9`]).catch(String)
      return /warning routing: +packets for the mesh, \d+ since/.test(await doctor(web))
    })
    await web.host.ip(['rule delete priority 5'])
  })
})

describe('packets for the mesh', { skip: labSkip('tcpdump') }, () => {
  it('never leave unencrypted while the interface is gone, until plexd down', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web, db } = await joinAll(lab, system, ['web', 'db'])
    await untilPing(web.host, db.meshIp)
    await using clear = await capture(web.host, { on: 'eth0', filter: 'net 10.100.0.0/16' })

    // It would bring it back.
    web.agent.program().child.kill('SIGSTOP')
    await web.host.ip(['link delete plexd0'])
    assert.match(String(await web.host.exec(pingOnce(db)).catch(String)), /unreachable|No route/i)
    // Nor where somebody has taken the routing away too.
    await web.host.ip(['rule delete lookup 8293'])
    await web.host.exec(pingOnce(db)).catch(String)
    assert.deepEqual(clear.packets(), [])
    web.agent.program().child.kill('SIGCONT')
    await untilPing(web.host, db.meshIp)
    await web.agent.end()
    await web.host.ip(['link delete plexd0'])
    await web.host.exec(pingOnce(db)).catch(String)
    assert.deepEqual(clear.packets(), [])

    assert.match(
      await doctor(web),
      /no interface plexd0, and packets for 10\.100\.0\.0\/16 are held back/,
    )

    await web.plexd('down')
    await leavesNoRouting(web)
    await web.host.exec(pingOnce(db)).catch(String)
    await until('the packet is seen, now that it may', async () => clear.packets().length > 0)
  })

  it("follow the machine's routes after a deregistration, even if the interface was gone before", async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web } = await joinAll(lab, system, ['web'])
    await web.agent.end()
    await web.host.ip(['link delete plexd0'])
    assert.match(await web.host.exec(['ip', 'rule']), /8293/)

    await web.plexd('deregister', '--purge')
    await leavesNoRouting(web)
    assert.equal(await web.host.exec(['nft', 'list', 'tables']), '')
  })

  it('never leave unencrypted without nft', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const host = withoutNft(await lab.host('bare'))
    const bare = await system.join('bare', host, quickly())
    await untilSaid(bare, /nft/)

    // To this table, as to one of a VRF, not all packets are led: others would find the default route.
    await host.ip([...bridge('192.0.2.1/24'), 'route add 10.100.8.0/24 dev br0 table 77'])
    await untilSaid(bare, /10\.100\.8\.0\/24 dev br0 of table 77 go into the mesh/)

    await using clear = await capture(host, { on: 'eth0', filter: 'net 10.100.0.0/16' })
    for (const address of ['10.100.0.99', '10.100.8.99']) {
      const said = await host.exec(['ping', '-c', '1', '-W', '1', address]).catch(String)
      assert.match(said, /unreachable|No route/i)
    }
    assert.deepEqual(clear.packets(), [])
  })
})

/** A network of the machine that none of ours made. */
function bridge(address: string): string[] {
  return [
    'link add br0 type veth peer name br1',
    `address add ${address} dev br0`,
    'link set br0 up',
    'link set br1 up',
  ]
}

function pingOnce({ meshIp }: MeshMember) {
  return ['ping', '-n', '-c', '1', '-W', '1', meshIp] as const
}

/** It fails where something is wrong. */
async function doctor(member: MeshMember): Promise<string> {
  return member.plexd('doctor').catch((error: unknown) => {
    if (error instanceof ExecError) return error.stdout
    throw error
  })
}

async function leavesNoRouting({ host }: MeshMember): Promise<void> {
  assert.doesNotMatch(await host.exec(['ip', 'rule']), /8293/)
  assert.doesNotMatch(await host.exec(['ip', 'route', 'show', 'table', 'all']), /8293/)
}

async function untilSaid(member: MeshMember, words: RegExp): Promise<void> {
  await until(`plexd status says ${words}`, async () => words.test(await member.plexd('status')))
}

/** The same host, where nft is a program that always fails. */
function withoutNft(host: Host): Host {
  const hide = 'mount --bind /bin/false "$(command -v nft || echo /usr/sbin/nft)" && exec "$@"'
  return { ...host, prefix: [...host.prefix, 'sh', '-c', hide, 'sh'] }
}
