import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type AdminApi, adminApi, type Client, createClient } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { noPostgres, startPostgres, until } from '@plexd/runtime/testing'
import { startControlPlaneProcess } from '../../scripts/programs/control-plane.ts'
import { createRandom } from '../support/random.ts'
import { openVersionAfter } from './support/version-after.ts'

/** One run of four has it: it builds programs. */
const seed = Number(process.env.PLEXD_UPGRADE_SEED ?? Date.now() % 1_000_000)
const isDrawn = process.env.PLEXD_UPGRADE_CASES === 'all' || createRandom(seed).below(4) === 0
const skip = noPostgres || (!isDrawn && `not drawn: PLEXD_UPGRADE_SEED=${seed}`)

describe('a control plane that waits for one of a later version, which has changed the database', {
  skip,
}, () => {
  it('passes on to it, changes nothing when its turn comes, and says which one to start', async () => {
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    const after = stack.use(await openVersionAfter())
    const server = stack.use(await startPostgres())
    const url = server.createDatabase()
    const start = async (name: string, args: readonly string[], file?: string) => {
      const place = join(folder, name)
      await mkdir(place)
      const own = file === undefined ? {} : { file }
      const all = ['--database-url', url, ...args]
      return stack.use(await startControlPlaneProcess(place, { args: all, ...own }))
    }
    const older = await start('older', [])
    const key = ['--master-key-file', join(older.dataDir, 'master.key')]
    const later = await start('later', key, after['control-plane'])
    const token = (await readFile(older.adminTokenFile, 'utf8')).trim()
    const adminAt = (baseUrl: string): Client<AdminApi> => {
      const { caFile } = older
      const transport = createHttpTransport({ baseUrl, caFile, userAgent: 'plexd-test' })
      return createClient(adminApi, stack.use(transport), () => token)
    }
    const [atOlder, atLater] = [adminAt(older.url), adminAt(later.url)]
    const put = (admin: Client<AdminApi>, text: string): Promise<boolean> =>
      admin
        .putData({
          params: { key: 'motd' },
          body: { target: { selector: '*' }, content_type: 'text/plain', payload: text },
        })
        .then(
          () => true,
          () => false,
        )
    const schema = (): string => server.psql(url, 'select version from schema_version').trim()
    const was = Number(schema())
    assert.ok(await put(atLater, 'the older one serves'))

    await older.end('SIGKILL')
    await until('the later one serves', () => put(atLater, 'the later one serves'))
    assert.equal(Number(schema()), was + 1)
    await older.start()
    assert.ok(await until('it is passed on', () => put(atOlder, 'by the older one')))

    await later.end('SIGKILL')
    const { child } = older.program()
    await until('the older one has ended', () => child.exitCode !== null)
    assert.equal(child.exitCode, 1)
    const log = await older.program().log()
    assert.match(log, new RegExp(`schema.* ${was + 1}, .*knows ${was}.*(run|start) the newer`))
    assert.equal(Number(schema()), was + 1)

    await later.start()
    const { items } = (await atLater.listData({})).body
    assert.deepEqual(
      items.map(({ payload }) => payload),
      ['by the older one'],
    )
  })
})
