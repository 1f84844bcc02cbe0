import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PolicyRule } from '@plexd/protocol'
import { ExecError } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { createLab, type Host } from '../../../scripts/laboratory/lab.ts'
import { capture, ping, startPing, untilPing } from '../../../scripts/laboratory/probes.ts'
import { labSkip } from '../../../scripts/laboratory/requirements.ts'
import { type MeshMember, startMeshSystem } from '../../../scripts/programs/mesh-system.ts'
import { joinAll, untilMeshed } from '../support/members.ts'

const [first, second, third] = ['10.100.0.0/16', '10.101.0.0/16', '10.102.0.0/16']
const quickly = () => ({ config: 'reconcile: { interval: 1s }\nheartbeat: { interval: 1s }' })

describe('a mesh with a second range', { skip: labSkip('tcpdump') }, () => {
  it('gives new nodes addresses from it, which all can reach and policies cover, and loses no packet in the first', async (t) => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web, db } = await joinAll(lab, system, ['web', 'db'], (role) => ({
      metadata: { role },
    }))
    await untilPing(web.host, db.meshIp)
    const pings = startPing(web.host, db.meshIp, 5)

    await system.plexctl('mesh', 'range', 'add', second)
    await system.controlPlane.end('SIGKILL')
    await system.controlPlane.start()
    assert.match(await system.plexctl('mesh', 'range', 'list'), /10\.101\.0\.0\/16 .*take from it/)
    for (const member of [web, db]) await untilRouted(member, second)
    const fresh = await system.join('fresh', await lab.host('fresh'), {
      metadata: { role: 'fresh' },
    })
    assert.equal(fresh.meshIp, '10.101.0.1')
    await untilMeshed([web, db, fresh])
    assert.match(await web.plexd('status'), /mesh ranges: +10\.100\.0\.0\/16 10\.101\.0\.0\/16/)
    assert.match(await doctor(fresh), /10\.100\.0\.0\/16 and 10\.101\.0\.0\/16 are nobody else's/)

    await system.plexctl('mesh', 'range', 'add', third)
    await untilRouted(web, third)
    await system.plexctl('mesh', 'range', 'remove', third, '--yes')
    await until('the routes are gone', async () => !(await routesOf(web)).includes(third))
    assert.equal((await routesOf(web)).match(/unreachable/g)?.length, 2)
    const refusal = String(
      await system.plexctl('mesh', 'range', 'remove', second, '--yes').catch(String),
    )
    assert.match(refusal, /1 node has its address from it, "fresh"/)

    const { sent, received } = await pings.stop()
    t.diagnostic(`${sent} pings in the first range, ${sent - received} lost`)
    assert.equal(received, sent)

    const put = (...rules: PolicyRule[]) =>
      system.admin.putPolicy({
        params: { name: 'allow-all' },
        body: { name: 'allow-all', rules },
      })
    await put(
      { from: '*', to: 'role=db', protocol: 'icmp', action: 'deny' },
      { from: '*', to: '*', action: 'allow' },
    )
    for (const { host } of [web, fresh])
      await until('the deny holds', async () => (await ping(host, db.meshIp, quick)) === 0)
    await untilPing(web.host, fresh.meshIp)
    await untilPing(fresh.host, web.meshIp)
    await put(
      { from: second, to: first, protocol: 'icmp', action: 'deny' },
      { from: '*', to: '*', action: 'allow' },
    )
    await untilPing(web.host, db.meshIp)
    await untilPing(web.host, fresh.meshIp)
    await until('the deny holds', async () => (await ping(fresh.host, db.meshIp, quick)) === 0)
  })

  it('is routed by a node that starts without its control plane, and held back while the node is down', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web } = await joinAll(lab, system, ['web'])
    await system.plexctl('mesh', 'range', 'add', second)
    const { fresh } = await joinAll(lab, system, ['fresh'])
    await untilMeshed([web, fresh])
    await web.agent.end()
    await system.controlPlane.end()

    await web.host.ip(['link delete plexd0'])
    await using clear = await capture(web.host, { on: 'eth0', filter: `net ${second}` })
    assert.equal(await ping(web.host, fresh.meshIp, quick), 0)
    assert.deepEqual(clear.packets(), [])
    await web.agent.start()
    await untilPing(web.host, fresh.meshIp)
  })

  it('is left out where it overlaps a network of the machine, which stays in the first and tells the operator', async () => {
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web, lan } = await joinAll(lab, system, ['web', 'lan'], quickly)
    await untilPing(lan.host, web.meshIp)
    await lan.host.ip([
      'link add br0 type veth peer name br1',
      'address add 10.101.200.1/16 dev br0',
      'link set br0 up',
      'link set br1 up',
    ])

    await system.plexctl('mesh', 'range', 'add', second)
    const { fresh } = await joinAll(lab, system, ['fresh'], quickly)
    await untilMeshed([web, fresh])
    const words = /10\.101\.0\.0\/16 overlaps the route 10\.101\.0\.0\/16 dev br0/
    for (const [who, command] of [
      ['the node', () => lan.plexd('status')],
      ['its doctor', () => doctor(lan)],
      ['the operator', () => system.plexctl('node', 'show', 'lan')],
    ] as const)
      await until(`${who} says so`, async () => words.test(await command()))
    assert.doesNotMatch(await lan.plexd('status'), /instead of plexd0/)
    assert.match(await lan.plexd('peers', '--json'), /10\.101\.0\.0\/16, is left out here/)
    assert.equal(await ping(lan.host, web.meshIp), 1)
    assert.equal((await routesOf(lan)).includes(second), false)
    assert.equal(await isSilent(lan.host, fresh), true)
    assert.equal(await isSilent(fresh.host, lan), true)

    await lan.host.ip(['link delete br0'])
    await untilMeshed([lan, fresh, web])
    await until('the problem is gone', async () => !words.test(await lan.plexd('status')))
  })
})

const quick = { waitMs: 500 }

async function isSilent(from: Host, { meshIp }: MeshMember): Promise<boolean> {
  return (await ping(from, meshIp, { ...quick, count: 3 })) === 0
}

function routesOf({ host }: MeshMember): Promise<string> {
  return host.exec(['ip', 'route', 'show', 'table', '8293'])
}

async function untilRouted(member: MeshMember, range: string): Promise<void> {
  await until(`${member.name} has a route for ${range}`, async () =>
    (await routesOf(member)).includes(`${range} dev plexd0`),
  )
}

/** It fails where something is wrong. */
async function doctor(member: MeshMember): Promise<string> {
  return member.plexd('doctor').catch((error: unknown) => {
    if (error instanceof ExecError) return error.stdout
    throw error
  })
}
