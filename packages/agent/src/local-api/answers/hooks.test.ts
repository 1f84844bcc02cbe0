import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HookList } from '@plexd/protocol'
import { startPlace } from '../../testing/local-api-place.ts'

const empty: HookList = { hooks: [], warnings: [] }

describe('the hooks of the local API', () => {
  it('are listed for everyone, and announced for root alone', async () => {
    let reloads = 0
    const hooks = {
      list: () => empty,
      async reload() {
        reloads++
        return { ...empty, warnings: ['announced'] }
      },
    }
    await using place = await startPlace({}, { hooks })
    assert.deepEqual((await place.unix('GET', '/v1/hooks')).json, empty)
    assert.deepEqual((await place.tcp('GET', '/v1/hooks')).json, empty)
    assert.deepEqual((await place.unix('POST', '/v1/hooks/reload')).json, {
      hooks: [],
      warnings: ['announced'],
    })
    const refused = await place.tcp('POST', '/v1/hooks/reload')
    assert.deepEqual(
      [refused.status, refused.json],
      [403, { error: 'forbidden: only root may announce hooks' }],
    )
    assert.equal(reloads, 1)
  })
})
