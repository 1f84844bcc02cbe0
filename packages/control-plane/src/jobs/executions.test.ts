import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startControlPlane } from '../testing/harness.ts'
import { forgetExecutions } from './executions.ts'

const dayMs = 24 * 3_600_000

const longAgo = '1970-01-02T00:00:00Z'
/** In UTC it is of the year 10000, which RFC 3339 cannot write. */
const never = '9999-12-31T23:59:59-23:59'

it('keeps an execution for 30 days, and lists it, whenever its node says that it ended', async () => {
  await using plane = await startControlPlane()
  const { store } = plane.app
  const capabilities = { builtin_actions: [{ name: 'system.info' }] }
  const web = await plane.enrol('web', { capabilities })
  const params = { node: 'web' }
  for (const finished_at of [longAgo, never]) {
    const { body } = await plane.admin.runAction({ params, body: { action: 'system.info' } })
    await web.api.finishExecution({
      params: { node_id: web.node_id, execution_id: body.id },
      body: { status: 'success', finished_at },
    })
  }
  const count = async (): Promise<number> =>
    (await plane.admin.listExecutions({ params })).body.items.length

  await forgetExecutions(plane.app)
  assert.equal(await count(), 2)
  const createdMs = Date.now() - 31 * dayMs
  await store.write((tx) => tx.updateTable('executions').set({ created_at: createdMs }).execute())
  await forgetExecutions(plane.app)
  assert.equal(await count(), 1, 'one of them ended today')
})
