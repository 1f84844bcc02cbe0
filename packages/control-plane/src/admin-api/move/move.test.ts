import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sql } from 'kysely'
import type { EnrolledNode } from '../../testing/harness.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'

const yearMs = 365 * 24 * 60 * 60_000

describe('nodes that heed a later announcement than the last', () => {
  const plane = openControlPlane({ config: { insecureHttp: false } })
  const urls = ['https://new.example.com']
  const announce = () => plane.admin.announceMove({ body: { urls } })

  it('are outranked by the next, wherever a clock has been, and named where they cannot be', async () => {
    const [honest, liar] = [await plane.enrol('honest'), await plane.enrol('liar')]
    const aheadMs = Date.now() + 10 * yearMs
    await says(honest, aheadMs)
    await says(liar, Number.MAX_SAFE_INTEGER)
    const before = (await plane.admin.getMove({})).body
    assert.deepEqual(
      before.ahead?.map(({ hostname }) => hostname),
      ['honest', 'liar'],
    )
    assert.match(before.ahead?.[0]?.reason ?? '', /within the hour it is told anew$/)

    await announce()
    assert.equal(await announcedTo(honest), aheadMs + 1)
    for (const { body } of [await plane.admin.getMove({}), await plane.admin.getAuthorities({})]) {
      assert.deepEqual(
        body.ahead?.map(({ hostname }) => hostname),
        ['liar'],
      )
      assert.match(body.ahead?.[0]?.reason ?? '', /remove announcement\.json from its data folder/)
    }
    const { told_count, behind } = (await plane.admin.getMove({})).body
    assert.equal(told_count, 0)
    assert.match(behind.find(({ hostname }) => hostname === 'liar')?.reason ?? '', /it heeds/)
  })

  it('are told the same anew, as after a restore; one that says more each time gains one number each time', async () => {
    const liar = await plane.enrol('eager')
    for (let round = 0; round < 3; round++) {
      const last = await announcedTo(liar)
      await announce()
      assert.equal(await announcedTo(liar), last, 'the same is no news')
      await says(liar, last + 1)
      await announce()
      assert.equal(await announcedTo(liar), last + 2)
    }
  })

  it('are forgotten when they are removed', async () => {
    const liar = await plane.enrol('passing')
    await says(liar, Number.MAX_SAFE_INTEGER)
    await plane.admin.removeNode({ params: { node: liar.node_id } })
    const { rows } = await sql`select 1 from node_heeds where node_id = ${liar.node_id}`.execute(
      plane.app.store.reader,
    )
    assert.deepEqual(rows, [])
    assert.equal(plane.app.heeds.of(liar.node_id), undefined)
  })

  it('cannot say a number that is none', async () => {
    const node = await plane.enrol('odd')
    await assert.rejects(says(node, 2 ** 53), { status: 400 })
  })
})

describe('a control plane that nodes reach by plain HTTP', () => {
  const plane = openControlPlane({ config: { insecureHttp: true } })

  it('announces no address, and ends a move', async () => {
    await assert.rejects(plane.admin.announceMove({ body: { urls: ['https://cp'] } }), {
      status: 409,
      message: /serve TLS, then announce$/,
    })
    assert.deepEqual((await plane.admin.announceMove({ body: { urls: [] } })).body.urls, [])
  })
})

async function says({ node_id, api }: EnrolledNode, announcement: number): Promise<void> {
  const heeded = { url: 'https://old.example.com', announcement, authorities: [], problem: '' }
  await api.heartbeat({ params: { node_id }, body: { heeded } })
}

/** The number of what a node is told with its state. */
async function announcedTo({ node_id, api }: EnrolledNode): Promise<number> {
  const { body } = await api.getState({ params: { node_id } })
  const { sequence } = JSON.parse(body.announcement?.text ?? '{}')
  return Number(sequence)
}
