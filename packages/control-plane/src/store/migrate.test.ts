import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { formatCidr } from '@plexd/protocol'
import { peersFor } from '../mesh/peer-view.ts'
import { loadFleet } from '../rows/fleet/load-fleet.ts'
import { derivePskMaster, pairPsk } from '../seal/psk.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { type MigrationWatch, newestSchema } from './migrate.ts'
import { openKysely, openSqliteStore } from './sqlite.ts'
import { makeFirstVersion } from './testing/first-version.ts'

describe('migrate', () => {
  it('takes over a database of the first version: its nodes are in no later epoch of PSKs, and have their keys since they came; entries that no node takes are gone', async () => {
    await using folder = await makeTemporaryFolder()
    const path = join(folder.path, 'control-plane.db')
    await makeFirstVersion(path)

    await using store = await openSqliteStore(path)

    const keys = await store.reader.selectFrom('data_entries').select('key').execute()
    assert.deepEqual(
      keys.map(({ key }) => key),
      ['motd'],
    )
    const fleet = await loadFleet(store.reader, 0)
    assert.deepEqual(fleet.tenant('ten_1')?.mesh_ranges.map(formatCidr), ['10.100.0.0/16'])
    const [web, db] = [fleet.node('n_web'), fleet.node('n_db')]
    assert.ok(web && db)
    assert.equal(web.key_changed_at, 2_000)
    const pskMaster = derivePskMaster(createSecretKey(Buffer.alloc(32, 1)))
    const [peer] = peersFor({ fleet, pskMaster }, web)
    assert.equal(peer?.psk, pairPsk({ master: pskMaster, epoch: 0 }, web, db))
  })

  it('tells of each step of a database that is not new, after what is to be done before them', async () => {
    await using folder = await makeTemporaryFolder()
    const told: string[] = []
    const migration: MigrationWatch = {
      prepare: async ({ from, to }) => void told.push(`from ${from} to ${to}`),
      begin: ({ step, of }) => void told.push(`begin ${step} of ${of}`),
      end: ({ step, of }) => void told.push(`end ${step} of ${of}`),
    }
    const fresh = join(folder.path, 'new.db')
    for (const _ of [1, 2])
      await (await openSqliteStore(fresh, { migration }))[Symbol.asyncDispose]()
    assert.deepEqual(told, [])
    const path = join(folder.path, 'control-plane.db')
    await makeFirstVersion(path)

    await (await openSqliteStore(path, { migration }))[Symbol.asyncDispose]()

    const steps = Array.from({ length: newestSchema - 1 }, (_, at) => at + 2)
    assert.deepEqual(told, [
      `from 1 to ${newestSchema}`,
      ...steps.flatMap((step) => [
        `begin ${step} of ${newestSchema}`,
        `end ${step} of ${newestSchema}`,
      ]),
    ])
  })

  it('changes nothing where what is to be done before fails', async () => {
    await using folder = await makeTemporaryFolder()
    const path = join(folder.path, 'control-plane.db')
    await makeFirstVersion(path)
    const prepare = async (): Promise<void> => Promise.reject(new Error('no room'))

    await assert.rejects(openSqliteStore(path, { migration: { prepare } }), /^Error: no room$/)

    await using db = openKysely<{ schema_version: { version: number } }>(path)
    const versions = await db.selectFrom('schema_version').selectAll().execute()
    assert.deepEqual(
      versions.map(({ version }) => version),
      [1],
    )
  })

  it('keeps every label, tells those of the token from those that wait to be confirmed, and takes what a machine is for a report', async () => {
    await using folder = await makeTemporaryFolder()
    const path = join(folder.path, 'control-plane.db')
    const said = { os: 'linux', arch: 'amd64', kernel: '6.1.0', env: 'prod', role: 'web' }
    await makeFirstVersion(path, [
      `update nodes set metadata = '${JSON.stringify(said)}' where id = 'n_web'`,
      `update nodes set metadata = '{"os":"linux","role":"db"}' where id = 'n_db'`,
      `insert into bootstrap_tokens (id, tenant_id, token_hash, metadata, created_at, expires_at, node_id)
        values ('tok_1', 'ten_1', 'h', '{"role":"web","env":"test"}', 1, 2, 'n_web')`,
      `insert into secrets values ('e', 'ten_1', 'k', 'selector:env=prod,arch in (arm64)', 'x', 1, 1)`,
    ])

    await using store = await openSqliteStore(path)

    const rows = await store.reader.selectFrom('nodes').selectAll().orderBy('no').execute()
    assert.deepEqual(
      rows.map(({ labels, reported, labels_unconfirmed }) =>
        [labels, reported, labels_unconfirmed].map((text) => JSON.parse(text)),
      ),
      [
        [
          { arch: 'amd64', env: 'prod', role: 'web' },
          { os: 'linux', kernel: '6.1.0' },
          ['arch', 'env'],
        ],
        [{ role: 'db' }, { os: 'linux' }, ['role']],
      ],
    )
  })

  it('sorts the labels of 10,000 nodes, each with a selector of its own, in one look at the selectors', async () => {
    await using folder = await makeTemporaryFolder()
    const path = join(folder.path, 'control-plane.db')
    const numbers =
      'with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 10000)'
    await makeFirstVersion(path, [
      `insert into nodes
        (id, tenant_id, hostname, mesh_ip, public_key, key_epoch, token_hash, nsk_hash, nsk_sealed, nsk_format,
         metadata, endpoint, nat_type, user_agent, status, rotate_keys, registered_at)
        ${numbers} select 'n_' || n, 'ten_1', 'host-' || n, '10.100.' || (1 + n / 250) || '.' || (n % 250), 'key-' || n, 1,
          'token-' || n, 'nsk-' || n, 'sealed', 'base64', '{"os":"linux","role":"web"}', '', '', '', 'online', 0, 2000
          from numbers`,
      `insert into secrets ${numbers} select 'e_' || n, 'ten_1', 'k', 'selector:name=host-' || n, 'x', 1, 1 from numbers`,
    ])
    const start = process.cpuUsage()

    await using store = await openSqliteStore(path)

    const { user } = process.cpuUsage(start)
    // One look for each node took twelve seconds.
    assert.ok(user < 5_000_000, `${user} µs`)
    const rows = await store.reader
      .selectFrom('nodes')
      .select(['labels', 'reported'])
      .where('hostname', 'like', 'host-%')
      .execute()
    assert.equal(rows.length, 10_000)
    assert.deepEqual(
      new Set(rows.map(({ labels, reported }) => labels + reported)),
      new Set(['{"role":"web"}{"os":"linux"}']),
    )
  })
})
