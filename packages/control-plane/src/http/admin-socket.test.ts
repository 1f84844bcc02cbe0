import assert from 'node:assert/strict'
import { once } from 'node:events'
import { stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { adminApi, type ControlApi, controlApi, createClient } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { startControlPlane } from '../testing/harness.ts'
import { isError } from '../testing/is-error.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

function over(adminSocket: string) {
  return createHttpTransport({ baseUrl: `unix://${adminSocket}`, userAgent: 'plexctl/test' })
}

describe('the admin socket', () => {
  it('serves operators when the port is full, and nobody else', async () => {
    await using folder = await makeTemporaryFolder()
    const adminSocket = join(folder.path, 'admin.sock')
    await using plane = await startControlPlane({
      config: { adminSocket, limits: { connections: 12 } },
    })
    const web = await plane.enrol('web-01')
    const stop = new AbortController()
    const tail = () =>
      fetch(`${plane.url}/admin/v1/nodes/web-01/events`, {
        headers: { authorization: `Bearer ${plane.adminToken}` },
        signal: stop.signal,
      })
    const tails: Response[] = []
    const isFull = (): Promise<boolean> =>
      tail().then(
        (answer) => tails.push(answer) > 100 || !answer.ok,
        () => true,
      )
    while (!(await isFull()));
    assert.equal(tails.length, 12)

    using transport = over(adminSocket)
    const admin = createClient(adminApi, transport, () => plane.adminToken)
    assert.equal((await admin.listNodes({})).body.items.length, 1)
    assert.equal((await stat(adminSocket)).mode & 0o777, 0o600)
    const stranger = createClient(adminApi, transport)
    await assert.rejects(stranger.listNodes({}), isError(401, 'unauthorized'))
    const node = createClient<ControlApi>(controlApi, transport, () => web.token)
    await assert.rejects(node.getState({ params: web }), isError(404, 'not found'))
    const metrics = await transport({
      method: 'GET',
      path: '/metrics',
      headers: {},
      body: undefined,
    })
    assert.match(metrics.body, /plexd_connections_refused_total\{reason="too_many"\} [1-9]/)
    stop.abort()
  })

  it('takes the place of one that a killed process left, and of nothing else', async () => {
    await using folder = await makeTemporaryFolder()
    const adminSocket = join(folder.path, 'admin.sock')
    const refused = (why: RegExp) =>
      assert.rejects(startControlPlane({ config: { adminSocket } }), { message: why })
    const other = createServer().listen(adminSocket)
    await once(other, 'listening')
    await refused(/another process serves there; name another with --admin-socket, or "off"$/)
    other.close()
    await writeFile(adminSocket, 'precious')
    await refused(/something else is there/)
    await assert.rejects(
      startControlPlane({ config: { adminSocket: `/tmp/${'x'.repeat(200)}` } }),
      /a path may have 107 bytes/,
    )
  })
})
