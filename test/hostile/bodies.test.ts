import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  adminApi,
  codeOf,
  controlApi,
  createClient,
  jsonBoundsOf,
  localApi,
  type Operation,
} from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import type { RunningProgram } from '../../scripts/programs/program.ts'
import { rssBytesOf } from '../support/memory.ts'
import { openSystem } from '../support/open-system.ts'
import { createTarget, goodRequest, type Target } from './good-requests.ts'
import {
  type Aim,
  aims,
  type HostileBody,
  headFor,
  hostileBodies,
  sendHostile,
  slow,
} from './hostile-bodies.ts'
import type { Place } from './raw-connection.ts'

/** Far less than by default: nobody here is slow for another reason. */
const bodyMs = 2_000
/** The longest line of the log: log-fields.ts bounds its texts, of which each character may take six. */
const maxLogLine = 64 * 1024
/** What a program may hold more than before when all is over: it need not give back to the system what it has freed. */
const maxHeldBytes = 200 * 1024 * 1024
/** Operations that take more would only be sent more of the same. */
const maxEndlessBytes = 4 * 1024 * 1024

const ofControlPlane = aims.filter(({ api }) => api !== 'local')
const ofAgent = aims.filter(({ api }) => api === 'local')

describe('every operation under bodies that should not be read', () => {
  const system = openSystem({
    args: [
      `body_ms=${bodyMs}`,
      `stranger_body_ms=${bodyMs}`,
      // All that is refused here comes from one node.
      'node_bytes_per_second=1000000000',
    ].flatMap((limit) => ['--limit', limit]),
  })
  let target: Target
  let agent: AgentProcess
  /** A node and a program on a node that live beside all of it. */
  let healthy: Life[]
  let rssBytes: number[]
  const programs = (): RunningProgram[] => [system.controlPlane.program(), agent.program()]

  before(async () => {
    target = await createTarget(system)
    agent = await system.startAgent('local')
    const node = await system.enrol('healthy')
    const local = createClient(localApi, createUnixTransport(agent.socket))
    healthy = [
      live(async () => (await node.call(controlApi.heartbeat, { body: {} })).status),
      live(async () => (await local.getLocalState({})).status),
    ]
    rssBytes = await Promise.all(programs().map(({ pid }) => rssBytesOf(pid)))
  })

  const send = async (aim: Aim, body: HostileBody) => {
    const place: Place = aim.api === 'local' ? agent : system.controlPlane
    const answers = await sendHostile(place, headFor(aim, target), body)
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array(body.times ?? 1).fill(body.status),
      `${aim.name}: ${body.what}`,
    )
    for (const { body: text } of answers) assert.ok(text.length < 1_024, body.what)
    return answers
  }
  const bodiesFor = ({ operation }: Aim) =>
    hostileBodies(operation).filter(
      (body) =>
        body !== slow &&
        (body.what !== 'never ending' || jsonBoundsOf(operation).maxBytes <= maxEndlessBytes),
    )

  for (const aim of ofControlPlane)
    it(`${aim.operation.method} ${aim.operation.path} answers the status of its row`, async () => {
      for (const body of bodiesFor(aim))
        for (const answer of await send(aim, body))
          assert.equal((JSON.parse(answer.body) as { code: string }).code, codeOf(body.status)) // as all refusals
    })

  for (const aim of ofAgent)
    it(`${aim.operation.method} ${aim.operation.path} of the node answers the status of its row`, async () => {
      for (const body of bodiesFor(aim)) await send(aim, body)
    })

  it('answers 408 to what never comes', async () => {
    await Promise.all(ofControlPlane.map((aim) => send(aim, slow)))
  })

  it('ignores a body where none is asked for', async () => {
    const operations: [string, Operation][] = [
      ...Object.entries(controlApi),
      ...Object.entries(adminApi),
    ]
    for (const [name, operation] of operations) {
      const { request, requestKind, method, auth } = operation
      if (request || requestKind || method === 'GET' || auth === 'none') continue
      const { params } = goodRequest(target, name, operation)
      // By nobody: what is asked for here is not to be done.
      for (const body of ['', '{', '['.repeat(100_000)])
        assert.equal((await system.call(operation, { params, token: 'nobody', body })).status, 401)
    }
  })

  for (const [what, text] of [
    ['nested 20 million deep', () => '['.repeat(20_000_000)],
    ['of 16 million deletions', () => `{"deleted":[${'"",'.repeat(16_000_000)}""]}`],
    ['of 12 million numbers', () => `{"entries":[${'1,'.repeat(12_000_000)}1]}`],
  ] as const)
    it(`refuses a report ${what} for the price of a look`, async () => {
      const body = gzipSync(text())
      const { pid } = system.controlPlane.program()
      const before = await cpuSeconds(pid)
      const { status } = await target.node.call(controlApi.syncReports, {
        body,
        headers: { 'content-encoding': 'gzip' },
      })
      assert.equal(status, 413)
      assert.ok((await cpuSeconds(pid)) - before < 1)
    })

  it('has failed nobody meanwhile, holds nothing of it, and has not filled a log', async () => {
    for (const life of healthy) assert.ok((await life.stop()) > 0)
    for (const [index, program] of programs().entries()) {
      assert.equal(program.child.exitCode, null)
      const most = (rssBytes[index] ?? 0) + maxHeldBytes
      await until(
        'memory is given back',
        async () => (await rssBytesOf(program.pid)) < most,
        60_000,
      )
      const text = await program.log()
      assert.doesNotMatch(text, /request failed|uncaught|unhandled/i)
      assert.ok(Math.max(...text.split('\n').map((line) => line.length)) < maxLogLine)
    }
  })
})

/** Somebody who asks for one thing after the other, and is answered each time. */
interface Life {
  /** How often. */
  stop(): Promise<number>
}

function live(ask: () => Promise<number>): Life {
  let isOver = false
  const run = async (): Promise<number> => {
    let answered = 0
    for (; !isOver; answered++) assert.equal(await ask(), 200)
    return answered
  }
  const running = run()
  running.catch(() => {}) // it is waited for in the end
  return {
    stop() {
      isOver = true
      return running
    },
  }
}

/** User and system time of a process, in ticks of a hundredth of a second. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
