import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sql } from 'kysely'
import type { Unit } from './change.ts'
import { startControlPlane } from './testing/harness.ts'

describe('change', () => {
  it('shows the fleet and sends the events when the rows are committed, and not before', async () => {
    await using plane = await startControlPlane()
    const { app } = plane
    const node = await plane.enrol('web-01')
    const head = app.heads.last()
    const told: number[] = []
    app.commits.follow(({ events }) => told.push(...events.map(({ seq }) => seq)))

    const during = await app.change(async (unit) => {
      rename(unit, node.node_id, 'web-02')
      const event = emitRotate(unit)
      return {
        seq: event?.seq,
        committed: app.fleet.node(node.node_id)?.hostname,
        draft: unit.fleet.node(node.node_id)?.hostname,
        told: [...told],
      }
    })

    assert.deepEqual(during, {
      seq: head + 1,
      committed: 'web-01',
      draft: 'web-02',
      told: [],
    })
    assert.equal(app.fleet.node(node.node_id)?.hostname, 'web-02')
    assert.deepEqual(told, [head + 1])
  })

  it('takes back what a unit that throws has done, and leaves the others of its group alone', async () => {
    await using plane = await startControlPlane()
    const { app } = plane
    const [web, db] = [await plane.enrol('web'), await plane.enrol('db')]
    const told: unknown[] = []
    app.commits.follow(({ changes, events }) =>
      told.push([changes.map(({ type }) => type), events.length]),
    )

    const outcomes = await Promise.allSettled([
      app.change(async (unit) => {
        rename(unit, web.node_id, 'web-2')
      }),
      app.change(async (unit) => {
        rename(unit, db.node_id, 'db-2')
        rename(unit, web.node_id, 'web-3')
        const node = unit.fleet.node(db.node_id)
        if (node) unit.apply({ type: 'node_removed', node, removed_at: unit.nowMs })
        emitRotate(unit)
        throw new Error('changed its mind')
      }),
      app.change(async (unit) => {
        assert.equal(unit.fleet.node(db.node_id)?.hostname, 'db')
        assert.equal(unit.fleet.node(web.node_id)?.hostname, 'web-2')
        emitRotate(unit)
      }),
    ])

    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.equal(app.fleet.node(web.node_id)?.hostname, 'web-2')
    assert.equal(app.fleet.node(db.node_id)?.hostname, 'db')
    assert.deepEqual(told, [
      [['node_put'], 0],
      [[], 1],
    ])
  })

  it('takes back a whole group when its commit fails', async () => {
    await using plane = await startControlPlane()
    const { app } = plane
    const node = await plane.enrol('web')
    const change = () =>
      Promise.allSettled([
        app.change(async (unit) => {
          rename(unit, node.node_id, 'web-2')
          emitRotate(unit)
        }),
        // As a disk does that is full: SQLite rolls back on its own.
        app.change(async (unit) => {
          rename(unit, node.node_id, 'web-3')
          await sql`rollback`.execute(unit.tx)
          throw new Error('the disk is full')
        }),
        app.change(async () => {}),
      ])

    let head = app.heads.last()
    let outcomes = await change()
    // A busy machine may give the first one a transaction of its own.
    while (outcomes[0].status === 'fulfilled') {
      await app.change(async (unit) => rename(unit, node.node_id, 'web'))
      head = app.heads.last()
      outcomes = await change()
    }

    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected', 'fulfilled'],
    )
    assert.equal(app.fleet.node(node.node_id)?.hostname, 'web')
    assert.equal(await app.change(async (unit) => unit.fleet.node(node.node_id)?.hostname), 'web')
    assert.equal(app.heads.last(), head)
  })

  it('writes no event for nobody', async () => {
    await using plane = await startControlPlane()
    const logged = await plane.app.change(async (unit) =>
      unit.emit({ type: 'rotate_keys', to: [], payload: {} }),
    )
    assert.equal(logged, undefined)
  })
})

function rename(unit: Unit, id: string, hostname: string): void {
  const node = unit.fleet.node(id)
  if (node) unit.apply({ type: 'node_put', node: { ...node, hostname } })
}

function emitRotate(unit: Unit) {
  return unit.emit({ type: 'rotate_keys', to: [{ no: 1 }], payload: {} })
}
