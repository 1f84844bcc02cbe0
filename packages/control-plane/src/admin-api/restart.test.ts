import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startControlPlane, type TestControlPlane, withControlPlane } from '../testing/harness.ts'

const at = '2025-01-15T10:30:00Z'

describe('a restart', () => {
  it('loses nothing that was answered', async () => {
    await withFolder(async (dataDir) => {
      const before = await withControlPlane(dataDir, async (plane) => {
        const web = await plane.enrol('web', {
          metadata: { env: 'prod' },
          capabilities: { builtin_actions: [{ name: 'x' }] },
        })
        const params = { node_id: web.node_id }
        const target = { selector: 'env=prod' }
        const rules = [{ from: 'env=prod', to: '*', action: 'allow' as const }]
        await plane.admin.putData({
          params: { key: 'k' },
          body: { target, content_type: 'a/b', payload: 1 },
        })
        await plane.admin.putSecret({ params: { key: 's' }, body: { target, value: 'v' } })
        await plane.admin.putPolicy({ params: { name: 'p' }, body: { name: 'p', rules } })
        await plane.admin.runAction({ params: { node: 'web' }, body: { action: 'x' } })
        const spec = { selector: 'env=prod', action: 'x' }
        await plane.admin.createRun({ body: spec })
        await plane.admin.createSchedule({ body: { ...spec, name: 's', cron: '@yearly' } })
        await plane.admin.rotateSigningKey({ body: {} })
        await plane.admin.createAdminToken({ body: { name: 'eyes', role: 'viewer' } })
        const version = { version: '1.0.0', os: 'linux', arch: 'amd64' }
        await plane.admin.putArtifact({ params: version, body: Buffer.from('plexd') })
        const entry = { key: 'r', content_type: 'a/b', payload: 1, version: 1, updated_at: at }
        await web.api.syncReports({ params, body: { entries: [entry] } })
        await web.api.sendLogs({ params, body: Buffer.from(`{"timestamp":"${at}","message":"m"}`) })
        return { web, shown: await everything(plane) }
      })
      await withControlPlane(dataDir, async (plane) => {
        assert.deepEqual(await everything(plane), before.shown)
        const api = plane.clientFor(before.web.token)
        const params = { node_id: before.web.node_id, key: 's' }
        assert.equal((await api.getSecret({ params })).body.version, 1)
        const target = { selector: 'env=prod' }
        await plane.admin.deleteData({ params: { key: 'k' }, query: target })
        const again = { target, content_type: 'a/b', payload: 1 }
        assert.equal(
          (await plane.admin.putData({ params: { key: 'k' }, body: again })).body.version,
          2,
        )
      })
    })
  })

  it('is refused with another master key, before anything is served', async () => {
    await withFolder(async (dataDir) => {
      await withControlPlane(dataDir, async () => {})
      await writeFile(join(dataDir, 'master.key'), Buffer.alloc(32, 1).toString('base64'), {
        mode: 0o600,
      })
      await assert.rejects(
        startControlPlane({ dataDir }),
        /^Error: start with master key ".*master\.key": the database is sealed under another one: /,
      )
    })
  })
})

async function everything({ admin }: TestControlPlane) {
  const params = { node: 'web' }
  const { connected: _, ...node } = (await admin.getNode({ params })).body
  return {
    node,
    lists: await Promise.all([
      admin.listData({}),
      admin.listSecrets({}),
      admin.listPolicies({}),
      admin.listExecutions({ params }),
      admin.listRuns({}),
      admin.listSchedules({}),
      admin.listSigningKeys({}),
      admin.listAdminTokens({}),
      admin.listTokens({}),
      admin.listArtifacts({}),
      admin.listReports({ params }),
      admin.listTelemetry({ params: { node: 'web', kind: 'logs' } }),
    ]).then((answers) => answers.map(({ body }) => body.items)),
  }
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-restart-'))
  try {
    await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
