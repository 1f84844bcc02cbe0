import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { noPostgres, openForTests, startPostgres, until } from '@plexd/runtime/testing'
import { claimPostgres } from './claim.ts'

describe('claimPostgres', { skip: noPostgres }, () => {
  const server = openForTests(startPostgres)

  const holderIn = (url: string): string =>
    server.psql(url, heldIn(new URL(url).pathname.slice(1))).trim()

  /** A claim, with what it was told. */
  async function claim(url: string, signal?: AbortSignal) {
    const told = { holders: [] as string[], lost: [] as string[] }
    const claimed = claimPostgres(
      { url },
      {
        ...{ log: silentLog, signal },
        onWait: (holder) => told.holders.push(holder),
        onLost: ({ message }) => told.lost.push(message),
      },
    )
    return { told, claimed }
  }

  it('waits until the holder ends, and says who that is', async () => {
    const url = server.createDatabase()
    const first = await (await claim(url)).claimed
    const { told, claimed } = await claim(url)
    await until('it waits', () => told.holders.length > 0)

    assert.match(told.holders.join(), /^the control plane on ".+" \(process \d+, since 20\d\d-/)
    await first[Symbol.asyncDispose]()
    await using _second = await claimed
    assert.equal(told.holders.length, 1)
  })

  it('ends its waiting when it is told to', async () => {
    const url = server.createDatabase()
    await using _first = await (await claim(url)).claimed
    const stop = new AbortController()
    const { told, claimed } = await claim(url, stop.signal)
    await until('it waits', () => told.holders.length > 0)
    stop.abort()

    await assert.rejects(claimed, { name: 'AbortError' })
  })

  it('keeps the database when its session is ended and nobody else wants it', async () => {
    const url = server.createDatabase()
    const { told, claimed } = await claim(url)
    await using _first = await claimed
    const pid = holderIn(url)
    server.psql(url, `select pg_terminate_backend(${pid})`)
    await until('it has it again', () => !['', pid].includes(holderIn(url)))
    assert.deepEqual(told.lost, [])
  })

  it('keeps it over a crash of the server', async () => {
    const url = server.createDatabase()
    const { told, claimed } = await claim(url)
    await using _first = await claimed
    await server.end()
    await server.start()
    await until('it has it again', () => holderIn(url) !== '')
    assert.deepEqual(told.lost, [])
  })

  it('says that it is over when another has it by then', async () => {
    const url = server.createDatabase()
    const { told, claimed } = await claim(url)
    await using _first = await claimed
    const next = await claim(url)
    await until('it waits', () => next.told.holders.length > 0)
    const elsewhere = url.replace(/plexd_\d+\?/, 'postgres?')
    const name = new URL(url).pathname.slice(1)
    // Sessions that are open go on; the first finds no way back.
    server.psql(elsewhere, `alter database ${name} allow_connections false`)
    server.psql(elsewhere, `select pg_terminate_backend(pid) from (${heldIn(name)}) as holder`)
    await using _next = await next.claimed
    server.psql(elsewhere, `alter database ${name} allow_connections true`)

    await until('the first is told', () => told.lost.length > 0)
    assert.match(told.lost.join(), /the control plane on ".+" .* took it over/)
    assert.deepEqual(next.told.lost, [])
  })
})

function heldIn(database: string): string {
  return `select pid from pg_locks where locktype = 'advisory' and granted
    and database = (select oid from pg_database where datname = '${database}')`
}
