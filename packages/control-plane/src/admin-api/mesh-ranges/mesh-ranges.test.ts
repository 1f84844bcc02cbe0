import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { startControlPlane, type TestControlPlane } from '../../testing/harness.ts'
import { isError } from '../../testing/is-error.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'

const [first, second] = ['10.100.0.0/16', '10.101.0.0/16']
const add = ({ admin }: TestControlPlane, range: string) => admin.addMeshRange({ body: { range } })
const remove = ({ admin }: TestControlPlane, range: string) =>
  admin.removeMeshRange({ params: { range } })
const rangesOf = async ({ admin }: TestControlPlane) =>
  (await admin.listMeshRanges({})).body.items.map(({ range, nodes, takes_new }) => [
    range,
    nodes,
    takes_new,
  ])

describe('the ranges of a mesh', () => {
  it('give new nodes their addresses from the last, and leave those that are there theirs', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    assert.deepEqual([web.mesh_range, web.mesh_ranges], [first, [first]])

    const { body: added } = await add(plane, second)
    assert.partialDeepStrictEqual(added, { range: second, nodes: 0, takes_new: true })
    const db = await plane.enrol('db')

    assert.deepEqual([web.mesh_ip, db.mesh_ip], ['10.100.0.1', '10.101.0.1'])
    // An agent that knows of one range alone is told that of its own address.
    assert.deepEqual([db.mesh_range, db.mesh_ranges], [second, [first, second]])
    assert.deepEqual(await rangesOf(plane), [
      [first, 1, false],
      [second, 1, true],
    ])
    const { body: seen } = await plane.admin.getNode({ params: { node: 'db' } })
    assert.equal(seen.mesh_range, second)
    assert.deepEqual(
      db.peers.map(({ mesh_ip }) => mesh_ip),
      ['10.100.0.1'],
    )
  })

  it('are warned of where a node stands in a network with such addresses', async () => {
    await using plane = await startControlPlane()
    const lan = await plane.enrol('lan')
    const local_endpoints = ['192.0.2.9:51820', '10.101.200.1:51820']
    await lan.api.putEndpoint({ params: lan, body: { public_endpoint: '', local_endpoints } })
    const { body } = await add(plane, second)
    assert.match(body.warnings.join(), /^"lan" has the address 10\.101\.200\.1 in a network/)
    assert.deepEqual((await add(plane, '10.102.0.0/16')).body.warnings, [])
  })

  it('come to a node with the state that it is told to pull, and its rules about "*" with them', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const pull = async (etag = '') =>
      web.api.getState({ params: web, headers: etag === '' ? {} : { 'if-none-match': etag } })
    const before = await pull()
    assert.deepEqual(before.body.mesh_ranges, [first])

    await add(plane, second)
    const { body: now } = await pull(`"${before.body.revision}"`)
    assert.deepEqual(now.mesh_ranges, [first, second])
    assert.deepEqual(
      now.policies.flatMap(({ rules }) => rules.map(({ src, dst }) => `${src} ${dst}`)),
      [first, second].flatMap((src) => [first, second].map((dst) => `${src} ${dst}`)),
    )

    await remove(plane, second)
    const { body: after } = await pull(`"${now.revision}"`)
    assert.deepEqual(after.mesh_ranges, [first])
    assert.deepEqual(after.policies, before.body.policies)
  })

  it('are gone on into when the last is full, from the newest to the oldest', async () => {
    await using plane = await startControlPlane({ config: { meshCidr: '10.100.0.0/30' } })
    await plane.enrol('a')
    await add(plane, '10.101.0.0/30')
    const ips: string[] = []
    for (const name of ['b', 'c', 'd']) ips.push((await plane.enrol(name)).mesh_ip)
    assert.deepEqual(ips, ['10.101.0.1', '10.101.0.2', '10.100.0.2'])
    await assert.rejects(plane.enrol('e'), isError(503, /are full: .*plexctl mesh range add/))
  })

  it('have no address for a node that is the one of the control plane itself', async () => {
    await using plane = await startControlPlane({ config: { publicUrl: 'https://10.101.0.1' } })
    await add(plane, second)
    assert.equal((await plane.enrol('web')).mesh_ip, '10.101.0.2')
  })

  it('are those of before after a restart, and each goes on where it was', async () => {
    await using folder = await makeTemporaryFolder()
    {
      await using plane = await startControlPlane({ dataDir: folder.path })
      await plane.enrol('a')
      await add(plane, second)
      await plane.enrol('b')
    }
    await using plane = await startControlPlane({ dataDir: folder.path })
    assert.equal((await plane.enrol('c')).mesh_ip, '10.101.0.2')
    await remove(plane, first).catch(() => {})
    assert.equal((await rangesOf(plane)).length, 2)
  })

  for (const [range, status, words] of [
    ['10.101.0.1/16', 400, /"10\.101\.0\.1\/16": parse CIDR/],
    ['10.101.0.0/31', 400, /a prefix length from 8 to 30/],
    ['127.0.0.0/16', 400, /loopback/],
    ['8.8.0.0/16', 400, /hosts of the internet/],
    ['10.100.7.0/24', 409, /it overlaps "10\.100\.0\.0\/16" of this mesh/],
    ['10.0.0.0/8', 409, /it overlaps "10\.100\.0\.0\/16"/],
    [first, 409, /the mesh has it already/],
  ] as const)
    it(`are none that no mesh can have, or has already: ${range}`, async () => {
      await using plane = await startControlPlane()
      await assert.rejects(add(plane, range), isError(status, words))
      assert.equal((await rangesOf(plane)).length, 1)
    })

  it('are four at most', async () => {
    await using plane = await startControlPlane()
    for (const range of [second, '10.102.0.0/16', '10.103.0.0/16']) await add(plane, range)
    await assert.rejects(add(plane, '10.104.0.0/16'), isError(409, /there are 4, the most/))
  })

  it('stay while a node has an address in them, or had one a short while ago, and one always', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock, config: { addressCooldownMs: 60_000 } })
    await add(plane, second)
    await plane.enrol('web')
    await assert.rejects(remove(plane, second), isError(409, /1 node has its address .* "web"/))
    await plane.admin.removeNode({ params: { node: 'web' } })
    await assert.rejects(
      remove(plane, second),
      isError(409, /10\.101\.0\.1 left less than 1m0s ago/),
    )
    await clock.advance(61_000)
    await remove(plane, second)
    await assert.rejects(remove(plane, first), isError(409, /it is the only one/))
    await assert.rejects(remove(plane, second), isError(404, /no mesh range "10\.101\.0\.0\/16"/))
    await add(plane, second)
    await remove(plane, first)
    assert.equal((await plane.enrol('db')).mesh_ip, '10.101.0.1')
  })

  it('stay while a rule names addresses in them, which would have no effect', async () => {
    await using plane = await startControlPlane()
    await add(plane, second)
    const putRule = (from: string) =>
      plane.admin.putPolicy({
        params: { name: 'p' },
        body: { name: 'p', rules: [{ from, to: '*', action: 'deny' }] },
      })
    for (const side of [second, '10.101.7.0/24', '10.101.0.9']) {
      await putRule(side)
      const words = new RegExp(`policy "p" names "${side}" in rule 0`)
      await assert.rejects(remove(plane, second), isError(409, words))
    }
    await putRule('10.100.7.0/24')
    await remove(plane, second)
  })

  it('keep the one that the settings name: the next start would be refused', async () => {
    await using plane = await startControlPlane({ config: { meshCidr: first } })
    await add(plane, second)
    await assert.rejects(remove(plane, first), isError(409, /take "mesh_cidr" out of them/))
  })
})
