import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { systemClock } from '@plexd/runtime'
import { startControlPlane } from '../../testing/harness.ts'
import { addOperator } from '../../testing/operators.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'

const config = { insecureHttp: false }

describe('the authorities of a control plane', () => {
  it('are not retired under a token from before, also if the clock was ahead when it was made', async () => {
    let aheadMs = 2 * 60 * 60_000
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
    await using plane = await startControlPlane({ config, clock })
    const { admin } = plane
    const { id } = (await admin.createToken({ body: { ttl: '24h' } })).body
    aheadMs = 0
    await admin.prepareAuthority({})
    await admin.activateAuthority({})
    aheadMs = 3 * 60 * 60_000
    assert.deepEqual(
      (await admin.getAuthorities({})).body.joins.map(({ token_id }) => token_id),
      [id],
    )
    await assert.rejects(admin.retireAuthority({}), { status: 409, message: new RegExp(id) })
  })

  it('wait for other tenants too, and say how many of theirs there are, not which', async () => {
    await using plane = await startControlPlane({ config })
    const { admin } = plane
    const other = await addOperator(plane, { tenant: 'other' })
    const { id } = (await other.api.createToken({ body: {} })).body
    await admin.prepareAuthority({})
    await admin.activateAuthority({})
    const { body } = await admin.getAuthorities({})
    assert.deepEqual([body.joins, body.elsewhere], [[], { behind_count: 0, joins_count: 1 }])
    await assert.rejects(admin.retireAuthority({}), (error: Error) => {
      assert.match(error.message, /^retire authority: 1 token from .*: 1 of other tenants: wait/)
      return !error.message.includes(id)
    })
    const seen = (await other.api.getAuthorities({})).body
    assert.deepEqual([seen.joins.length, seen.elsewhere], [1, undefined])
  })

  it('have no effect while the certificate is one of the settings, and go on after that', async () => {
    await using folder = await makeTemporaryFolder()
    const { path: dataDir } = folder
    const [tlsCertFile, tlsKeyFile] = [join(dataDir, 'own.crt'), join(dataDir, 'own.key')]
    const given = { config: { ...config, tlsCertFile, tlsKeyFile }, dataDir }
    {
      await using plane = await startControlPlane({ config, dataDir })
      await copyFile(join(dataDir, 'tls/server.crt'), tlsCertFile)
      await copyFile(join(dataDir, 'tls/server.key'), tlsKeyFile)
      await plane.admin.prepareAuthority({})
      assert.equal(plane.app.announcing.current()?.authorities.length, 2)
    }
    {
      await using plane = await startControlPlane(given)
      const { admin, app } = plane
      assert.deepEqual(app.announcing.current()?.authorities, [])
      const { body } = await admin.getAuthorities({})
      assert.match(body.no_effect ?? '', /^its certificate is one of the settings \(tls_cert\)/)
      assert.deepEqual([body.stage, body.next_step, body.behind], ['prepared', '', []])
      const why = { status: 409, message: /authority: it would have no effect: its certificate/ }
      await assert.rejects(admin.prepareAuthority({}), why)
      await assert.rejects(admin.activateAuthority({ query: { force: 'true' } }), why)
      await assert.rejects(admin.retireAuthority({}), why)
    }
    await using plane = await startControlPlane({ config, dataDir })
    assert.equal(plane.app.announcing.current()?.authorities.length, 2)
    const { body } = await plane.admin.getAuthorities({})
    assert.deepEqual([body.no_effect, body.next_step], [undefined, 'plexctl authority activate'])
  })
})
