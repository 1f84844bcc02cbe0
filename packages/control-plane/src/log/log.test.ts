import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import type { Fleet } from '../mesh/fleet.ts'
import { followFleet } from '../rows/fleet/load-fleet.ts'
import { readAfter } from '../rows/log/log.ts'
import type { Reader } from '../store/db.ts'
import { type Databases, dialects } from '../testing/databases.ts'
import { type FleetStep, loadAll, openFleetWriter, stepKinds } from '../testing/fleet-writer.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

const seed = Number(process.env.PLEXD_SEED ?? Math.floor(Math.random() * 2 ** 31))

const step: fc.Arbitrary<FleetStep> = fc.record({
  kind: fc.constantFrom(...stepKinds),
  of: fc.nat(1_000),
  fails: fc.integer({ min: 0, max: 7 }).map((chance) => chance === 0),
})

/** Steps that are taken at once, and how much of the log is read at a time behind them; nothing is read at 0. */
const turn = fc.record({
  group: fc.array(step, { minLength: 1, maxLength: 6 }),
  pageRows: fc.integer({ min: 0, max: 4 }),
})

for (const { name, skip, openDatabases } of dialects)
  describe(`a second follower of the log, which reads the database alone, on ${name}`, {
    skip,
  }, () => {
    let databases: Databases
    before(async () => {
      databases = await openDatabases()
    })
    after(() => databases[Symbol.asyncDispose]())

    it('comes to the same fleet and the same heads, whatever was changed and however it was read', async (t) => {
      t.diagnostic(`PLEXD_SEED=${seed}`)
      await fc.assert(
        fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 15 }), async (turns) => {
          await using folder = await makeTemporaryFolder()
          const place = await databases.create()
          await using writer = await openFleetWriter(place, folder.path)
          await using reader = databases.openReader(place)
          const second = await openFollower(reader)
          for (const { group, pageRows } of turns) {
            await Promise.all(group.map((one) => writer.take(one)))
            if (pageRows > 0) await second.catchUp(pageRows)
          }

          await second.catchUp(500)

          const hashes = await tokenHashes(reader)
          assert.deepEqual(contentOf(second.fleet(), hashes), contentOf(writer.fleet, hashes))
          assert.equal(second.heads().last(), writer.heads.last())
          assert.equal(second.heads().prunedThrough(), writer.heads.prunedThrough())
          if (second.loads() > 1) return
          for (const { no } of writer.fleet.allNodes())
            assert.equal(second.heads().of(no), writer.heads.of(no))
        }),
        { seed, numRuns: name === 'SQLite' ? 60 : 8, interruptAfterTimeLimit: 20_000 },
      )
    })

    it('comes to what is in the database, when who writes is killed again and again', async (t) => {
      t.diagnostic(`PLEXD_SEED=${seed}`)
      await using folder = await makeTemporaryFolder()
      const place = await databases.create()
      await using first = await openFleetWriter(place, folder.path)
      await using reader = databases.openReader(place)
      const second = await openFollower(reader)
      await first[Symbol.asyncDispose]()

      for (let round = 0; round < 4; round++) {
        const child = spawn(
          process.execPath,
          [
            join(import.meta.dirname, '../testing/change-fleet.ts'),
            place,
            String(seed + round),
            folder.path,
          ],
          { stdio: ['ignore', 'pipe', 'inherit'] },
        )
        const exited = once(child, 'exit')
        await once(child.stdout, 'data')
        const from = second.heads().last()
        const until = Date.now() + 100 + (seed % 200)
        // A busy machine may need longer for its first change.
        while (second.heads().last() === from || Date.now() < until) {
          await second.catchUp(1 + (round % 3))
          await delay(1)
        }
        child.kill('SIGKILL')
        await exited
        await second.catchUp(500)

        const hashes = await tokenHashes(reader)
        const { fleet, heads } = await loadAll(reader)
        assert.deepEqual(contentOf(second.fleet(), hashes), contentOf(fleet, hashes))
        assert.equal(second.heads().last(), heads.last())
      }
    })

    it('is told when the log has lost what comes next, and what it has lost', async () => {
      await using folder = await makeTemporaryFolder()
      const place = await databases.create()
      await using writer = await openFleetWriter(place, folder.path)
      await using reader = databases.openReader(place)
      const add = (of: number) => writer.take({ kind: 'add', of, fails: false })
      await add(1)
      await add(2)
      const behind = writer.heads.last()
      await add(3)
      await writer.take({ kind: 'trim', of: 0, fails: false })
      await add(4)

      assert.equal(await readAfter(reader, behind), undefined)
      const page = await readAfter(reader, writer.heads.prunedThrough())
      assert.deepEqual(page?.changes.at(0), {
        type: 'log_trimmed',
        through: writer.heads.prunedThrough(),
      })
      assert.equal(page?.changes.length, 2)
    })
  })

async function openFollower(reader: Reader) {
  let known = await loadAll(reader)
  let loads = 1
  return {
    fleet: () => known.fleet,
    heads: () => known.heads,
    loads: () => loads,
    async catchUp(pageRows: number): Promise<void> {
      for (let more = true; more; ) {
        const page = await readAfter(reader, known.heads.last(), pageRows)
        if (page) {
          followFleet(known.fleet)(page)
          known.heads.follow(page)
        } else {
          known = await loadAll(reader)
          loads++
        }
        more = page?.more ?? true
      }
    },
  }
}

/** Of all nodes and operators that there are, or were. */
async function tokenHashes(reader: Reader): Promise<string[]> {
  const nodes = await reader.selectFrom('nodes').select(['token_hash', 'nsk_hash']).execute()
  const operators = await reader.selectFrom('admin_tokens').select('token_hash').execute()
  return [
    ...nodes.flatMap(({ token_hash, nsk_hash }) => [token_hash, nsk_hash]),
    ...operators.map(({ token_hash }) => token_hash),
  ]
}

function contentOf(fleet: Fleet, hashes: readonly string[]) {
  const nodes = [...fleet.allNodes()]
  const tenantIds = [...new Set(nodes.map(({ tenant_id }) => tenant_id))]
  return {
    nodes,
    tenants: tenantIds.map((id) => ({
      tenant: fleet.tenant(id),
      policies: fleet.policies(id).map(({ name, revision, rules }) => ({ name, revision, rules })),
      nodes: [...fleet.nodes(id)].map((node) => node.id),
      members: fleet.mesh(id).members({ kind: 'all' }).length,
    })),
    found: nodes.map((node) => [
      fleet.nodesByHostname(node.tenant_id, node.hostname).map(({ id }) => id),
      fleet.nodeByPublicKey(node.tenant_id, node.public_key)?.id,
      fleet.nodeByMeshIp(node.tenant_id, node.mesh_ip)?.id,
      fleet.nodeByNo(node.no)?.id,
    ]),
    byHash: hashes.map((hash) => [
      fleet.nodeByTokenHash(hash)?.id,
      fleet.departedByTokenHash(hash),
      { ...fleet.operatorByTokenHash(hash) }, // rows are objects without a prototype
    ]),
    count: fleet.nodeCount(),
  }
}
