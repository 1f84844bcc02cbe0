import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noPostgres, openForTests, startPostgres } from '@plexd/runtime/testing'
import { withSession } from './client.ts'
import { type Announced, openControlPlaneRegister } from './control-planes.ts'

const aControlPlane: Announced = {
  ...{ id: 'one', machine: 'a', pid: 1, version: '1.0.0', state: 'serving', sinceMs: 0 },
  ...{ streams: 0, address: '192.0.2.1:8443', link: '', names: [], stun: [] },
}
const hourMs = 3_600_000

describe('openControlPlaneRegister', { skip: noPostgres }, () => {
  const server = openForTests(startPostgres)

  it('says since when by the clock of the server, whatever those of machines say', async () => {
    await using register = await openControlPlaneRegister({ url: server.createDatabase() })
    const ahead = { ...aControlPlane, sinceMs: Date.now() + hourMs }
    await register.announce(ahead, 5_000)
    await register.announce({ ...aControlPlane, id: 'two', sinceMs: Date.now() - hourMs }, 0)
    const sinceOf = async () =>
      Object.fromEntries((await register.list()).map(({ id, sinceMs }) => [id, sinceMs]))
    const { one = 0, two = 0 } = await sinceOf()

    assert.ok(two - one >= 5_000 && two - one < hourMs, `${two} - ${one}`)
    await register.announce(ahead, 0)
    assert.equal((await sinceOf()).one, one, 'it is in that state as before')
    await register.announce({ ...ahead, state: 'stopping' }, 0)
    assert.ok(((await sinceOf()).one ?? 0) >= two)
  })

  it('tells two with one name and process apart', async () => {
    await using register = await openControlPlaneRegister({ url: server.createDatabase() })
    await register.announce(aControlPlane, 0)
    await register.announce({ ...aControlPlane, id: 'two', state: 'waiting' }, 0)
    await register.leave('one')
    assert.deepEqual(
      (await register.list()).map(({ id, state }) => [id, state]),
      [['two', 'waiting']],
    )
  })

  it('passes over rows that no control plane writes', async () => {
    const url = server.createDatabase()
    await using register = await openControlPlaneRegister({ url })
    await register.announce(aControlPlane, 0)
    const strange = [
      'pid = -1',
      `since = ${2n ** 62n}`,
      `streams = ${2n ** 62n}`,
      "seen_at = 'infinity'",
    ]
    for (const [at, change] of strange.entries()) {
      await register.announce({ ...aControlPlane, id: `strange ${at}` }, 0)
      server.psql(url, `update control_planes set ${change} where id = 'strange ${at}'`)
    }
    assert.deepEqual(
      (await register.list()).map(({ id }) => id),
      ['one'],
    )
  })

  it('takes over a table without STUN servers, into which an older one still writes', async () => {
    const place = { url: server.createDatabase() }
    server.psql(
      place.url,
      `create table control_planes (id text collate "C" primary key, machine text not null, pid bigint not null,
        version text not null, state text not null, since bigint not null, streams bigint not null,
        seen_at timestamptz not null, address text not null, link text not null, names text[] not null)`,
    )
    await using register = await openControlPlaneRegister(place)
    await using _again = await openControlPlaneRegister(place)
    const stun = ['203.0.113.5:3478']
    await register.announce({ ...aControlPlane, stun: ['203.0.113.9:3478'] }, 0)
    await register.announce({ ...aControlPlane, stun }, 0)
    server.psql(
      place.url,
      "insert into control_planes values ('two', 'b', 1, '0.9.0', 'waiting', 0, 0, now(), '', '', '{}')",
    )
    assert.deepEqual(
      (await register.list()).map((one) => one.stun),
      [stun, []],
    )
  })

  it('gives up soon where its table is locked, as whoever stops waits for it', async () => {
    const place = { url: server.createDatabase() }
    await using register = await openControlPlaneRegister(place)
    await withSession(place, { lockWaitMs: 0 }, async (locking) => {
      await locking.query('begin')
      await locking.query('lock table control_planes')
      await assert.rejects(register.leave('one'), /locked by another process/)
    })
    await register.leave('one')
  })
})
