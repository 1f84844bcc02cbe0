import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { type EnrolledNode, newPublicKey, startControlPlane } from '../testing/harness.ts'

const minute = 60_000

describe('a node whose key is old', () => {
  it('is asked for a new one, one node in each minute', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock, config: { keyMaxAgeMs: minute } })
    const nodes = [await plane.enrol('web'), await plane.enrol('db')]
    const askedAfter = async (ms: number): Promise<number> => {
      await clock.advance(ms)
      return (await Promise.all(nodes.map(isAsked))).filter(Boolean).length
    }

    assert.equal(await askedAfter(minute - 1), 0)
    assert.equal(await askedAfter(1), 1)
    assert.equal(await askedAfter(minute), 2)

    for (const node of nodes) await rotate(node)
    assert.equal(await askedAfter(0), 0)
    const { body } = await plane.admin.getNode({ params: { node: 'web' } })
    assert.equal(body.key_changed_at, new Date(clock.now()).toISOString())
    assert.equal(body.key_rotation_requested, false)
  })

  it('keeps it where keys may grow old', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock, config: { keyMaxAgeMs: 0 } })
    const web = await plane.enrol('web')
    await isAsked(web)

    await clock.advance(minute)

    assert.equal(await isAsked(web), false)
  })
})

async function isAsked(node: EnrolledNode): Promise<boolean> {
  const { body } = await node.api.heartbeat({ params: node, body: {} })
  return body.rotate_keys ?? false
}

async function rotate({ api, node_id }: EnrolledNode): Promise<void> {
  await api.rotateKeys({ body: { node_id, new_public_key: newPublicKey() } })
}
