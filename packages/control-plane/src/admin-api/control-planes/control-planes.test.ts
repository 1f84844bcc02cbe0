import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { describe, it } from 'node:test'
import { openEventStream } from '@plexd/runtime/testing'
import { openControlPlane } from '../../testing/open-control-plane.ts'

describe('the control planes of an installation', () => {
  const plane = openControlPlane()

  it('are the one that is asked, with its streams', async () => {
    const web = await plane.enrol('web')
    const path = `/v1/nodes/${web.node_id}/events`
    await using _stream = await openEventStream({ url: plane.url, path, token: web.token })
    const [own, ...others] = (await plane.admin.listControlPlanes({})).body.items
    assert.deepEqual(others, [])
    assert.deepEqual(
      [own?.id, own?.machine, own?.pid, own?.state, own?.streams],
      [plane.app.life, hostname(), process.pid, 'serving', 1],
    )
  })
})
