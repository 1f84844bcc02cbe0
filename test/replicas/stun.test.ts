import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { decodeStun, encodeStun, openUdpSocket } from '@plexd/runtime'
import { freePort, noPostgres, until } from '@plexd/runtime/testing'
import { openPostgres } from '../support/open-postgres.ts'
import { newPublicKey } from '../support/system.ts'
import { type Replica, startReplicas } from './start-replicas.ts'

describe('STUN of control planes on one database', { skip: noPostgres }, () => {
  const server = openPostgres()

  /** Each names the address at which it answers. */
  async function startTwo() {
    const stun = [`127.0.0.1:${await freePort()}`, `127.0.0.2:${await freePort()}`] as const
    const own = stun.map((place) => ({ stun: place, args: ['--stun-public', place] }))
    return { stun, ...(await startReplicas(server, 2, own)) }
  }

  it('is answered by those that wait too, and nodes are told of all that are there', async () => {
    await using it = await startTwo()
    const [one, two] = it.replicas
    const [first, second] = it.stun
    const told = await enrol(one)
    const untilTold = (through: Replica, ...wanted: string[]) =>
      until(`nodes are told ${wanted}`, async () => `${await told(through)}` === `${wanted}`)

    await answerOf(second)
    await untilTold(one, first, second)
    const listed = (await two.admin.listControlPlanes({})).body.items
    assert.deepEqual(
      listed.map(({ state, stun_servers }) => [state, stun_servers]),
      [
        ['serving', [first]],
        ['waiting', [second]],
      ],
    )

    await two.process.end('SIGKILL')
    // As seven seconds later.
    server.psql(it.database, "update control_planes set seen_at = seen_at - interval '7 seconds'")
    await untilTold(one, first)
    await two.process.start()
    await untilTold(one, first, second)

    let isOver = false
    const asking = (async () => {
      while (!isOver) await answerOf(second)
    })()
    await one.process.end('SIGKILL')
    await until('the other one tells nodes', async () => (await told(two))[0] === second)
    isOver = true
    await asking
    await one.process.start()
    await untilTold(two, second, first)
  })

  it('is answered while the database is away', async () => {
    await using it = await startTwo()
    await server.end()
    for (const place of it.stun) await answerOf(place)
    await server.start()
  })
})

/** A node, by what its heartbeats are answered; nothing while nobody serves. */
async function enrol({ admin, nodes }: Replica) {
  const { token } = (await admin.createToken({ body: {} })).body
  const body = { token, public_key: newPublicKey(), hostname: 'web', capabilities: {} }
  const given = (await nodes().register({ body })).body
  const params = { node_id: given.node_id }
  const own = given.node_token ?? given.node_secret_key
  return (through: Replica): Promise<readonly string[]> =>
    through
      .nodes(own)
      .heartbeat({ params, body: {} })
      .then(
        (answer) => answer.body.stun_servers ?? [],
        () => [],
      )
}

/** Rejects if there is none, however busy the machine is: on loopback no datagram is lost that a socket takes. */
async function answerOf(place: string): Promise<void> {
  const [address = '', port] = place.split(':')
  const transactionId = randomBytes(12).toString('hex')
  await using socket = await openUdpSocket()
  let isAnswered = false
  socket.listen((datagram) => {
    isAnswered ||= decodeStun(datagram)?.transactionId === transactionId
  })
  await socket.send(encodeStun({ kind: 'request', transactionId }), { address, port: Number(port) })
  await until(`an answer of ${place}`, () => isAnswered, 20_000, 0)
}
