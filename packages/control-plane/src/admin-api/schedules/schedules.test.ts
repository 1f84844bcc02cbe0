import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ScheduleSpec } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { startDueRuns } from '../../schedules/start-runs.ts'
import { type EnrolledNode, startControlPlane } from '../../testing/harness.ts'
import { addOperator } from '../../testing/operators.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'

describe('a schedule', () => {
  it('starts a run at each of its times, and shows the last and the next', async () => {
    await using world = await openWorld()
    const created = await world.create({ cron: '0 * * * *', max_failures: 3 })
    assert.deepEqual(
      [created.next_run_at, created.time_zone, created.start_within, created.last],
      ['2025-01-15T11:00:00.000Z', 'UTC', '10m0s', []],
    )
    await world.at('10:59:59')
    assert.deepEqual(await world.turns(), [])

    await world.at('11:00:00')
    await world.ends()
    await world.at('11:00:30')
    await world.at('12:00:00')

    assert.deepEqual(await world.turns(), [
      ['12:00', 'started', ''],
      ['11:00', 'started', ''],
    ])
    const { next_run_at, last } = await world.shown()
    assert.equal(next_run_at, '2025-01-15T13:00:00.000Z')
    const { body: run } = await world.plane.admin.getRun({
      params: { run_id: last[0]?.run_id ?? '' },
    })
    assert.deepEqual(
      [run.schedule, run.action, run.max_failures, run.selector, run.triggered_by.user_id],
      ['check', 'system.info', 3, '*', await adminId(world.plane.admin)],
    )
  })

  it('is made for an action that no node knows, or for no node, with a word', async () => {
    await using world = await openWorld()
    const warningsOf = async (spec: Partial<ScheduleSpec>) =>
      (await world.create({ name: crypto.randomUUID(), cron: '@daily', ...spec })).warnings
    assert.deepEqual(await warningsOf({}), [])
    assert.deepEqual(await warningsOf({ action: 'system.nifo' }), [
      'a run would be refused now: no node of selector "*" can run "system.nifo": web: the node knows no action "system.nifo": it knows system.info',
    ])
    assert.deepEqual(await warningsOf({ selector: 'env=prod' }), [
      'a run would be refused now: selector "env=prod" matches no node',
    ])
  })

  it('starts none while the last run still goes on', async () => {
    await using world = await openWorld()
    await world.create({ cron: '0 * * * *', timeout: '10h' })
    await world.at('11:00:00')
    await world.at('12:00:00')
    const [skipped, started] = (await world.shown()).last
    assert.equal(skipped?.outcome, 'skipped')
    assert.equal(skipped?.reason, `run "${started?.run_id}" is still going`)
    await world.ends()
    await world.at('13:00:00')
    assert.equal((await world.shown()).last[0]?.outcome, 'started')
  })

  it('makes up for one time after an absence, and counts the others', async () => {
    await using world = await openWorld()
    await world.create({ cron: '0 * * * *' })
    await world.at('14:05:00')
    const { last } = await world.shown()
    assert.equal(last.length, 1)
    assert.deepEqual(
      [last[0]?.outcome, last[0]?.missed, last[0]?.reason],
      ['started', 3, 'it started 5m0s late'],
    )
  })

  it('makes up for none that is too long ago, and shows it as missed', async () => {
    await using world = await openWorld()
    await world.create({ cron: '0 * * * *', start_within: '1m' })
    await world.at('14:05:00')
    assert.deepEqual(await world.turns(), [
      ['14:00', 'missed', 'its time had passed for 5m0s, and start_within is 1m0s'],
    ])
    assert.deepEqual((await world.plane.admin.listRuns({})).body.items, [])
  })

  it('shows why no run came of a time, and goes on', async () => {
    await using world = await openWorld()
    await world.create({ cron: '0 * * * *', selector: 'env=none' })
    await world.at('11:00:00')
    assert.deepEqual(await world.turns(), [
      ['11:00', 'refused', 'selector "env=none" matches no node'],
    ])
    assert.equal((await world.shown()).next_run_at, '2025-01-15T12:00:00.000Z')
  })

  it('is disabled, and starts with the next time to come when it is enabled again', async () => {
    await using world = await openWorld()
    await world.create({ cron: '0 * * * *' })
    const params = { schedule: 'check' }
    const { admin } = world.plane
    const off = (await admin.changeSchedule({ params, body: { enabled: false } })).body
    assert.deepEqual([off.enabled, off.next_run_at], [false, null])
    await world.at('12:30:00')
    const on = (await admin.changeSchedule({ params, body: { enabled: true } })).body
    assert.equal(on.next_run_at, '2025-01-15T13:00:00.000Z')
    assert.deepEqual(on.last, [])
  })

  it('comes to no time twice when the clock is set back', async () => {
    await using world = await openWorld()
    await world.create({ cron: '0 * * * *' })
    await world.at('11:00:00')
    await world.ends()
    await world.at('10:30:00')
    await world.at('11:00:00')
    assert.equal((await world.turns()).length, 1)
    await world.at('10:30:00')
    const params = { schedule: 'check' }
    for (const enabled of [false, true])
      await world.plane.admin.changeSchedule({ params, body: { enabled } })
    await world.at('11:00:00')
    assert.equal((await world.turns()).length, 1)
    assert.equal((await world.shown()).next_run_at, '2025-01-15T12:00:00.000Z')
    await world.at('12:00:00')
    assert.equal((await world.turns()).length, 2)
  })

  it('starts once, over any number of restarts', async () => {
    const dataDir = await makeTemporaryFolder()
    await using first = await openWorld({ dataDir: dataDir.path })
    await first.create({ cron: '0 * * * *' })
    await first.at('11:00:00')
    await first.plane[Symbol.asyncDispose]()
    for (const time of ['11:00:01', '11:00:02']) {
      await using again = await openWorld({ dataDir: dataDir.path, hosts: [] })
      await again.at(time)
      assert.deepEqual(await again.turns(), [['11:00', 'started', '']])
      assert.equal((await again.plane.admin.listRuns({})).body.items.length, 1)
    }
    await dataDir[Symbol.asyncDispose]()
  })

  it('is refused with a cron expression, a time zone or a name that cannot be', async () => {
    await using world = await openWorld()
    const refusals: [Partial<ScheduleSpec> & { cron: string }, number, RegExp][] = [
      [{ cron: '0 0 30 2 *' }, 400, /^cron "0 0 30 2 \*": no such day ever comes/],
      [{ cron: '@daily', time_zone: '+02:00' }, 400, /^time_zone "\+02:00"/],
      [{ cron: '@daily', selector: 'a b' }, 400, /^parse selector "a b"/],
      [{ cron: '@daily', start_within: '25h' }, 400, /^start_within "25h"/],
      [{ cron: '@daily', nodes: ['web'] }, 400, /^want either selector or nodes/],
    ]
    for (const [spec, status, message] of refusals)
      await assert.rejects(world.create(spec), { status, message })
    await world.create({ cron: '@daily' })
    await assert.rejects(world.create({ cron: '@daily' }), {
      status: 409,
      message: 'there is a schedule "check" already: remove it, or choose another name',
    })
  })

  it('is one of a limited number', async () => {
    await using world = await openWorld({ schedules: 1 })
    await world.create({ cron: '@daily' })
    await assert.rejects(world.create({ cron: '@daily', name: 'another' }), {
      status: 409,
      message: 'there are 1 schedules, as many as the limit schedules allows: delete one',
    })
  })

  it('keeps the nodes of a list by their ids, whoever has their names later', async () => {
    await using world = await openWorld({ hosts: ['a', 'b'] })
    const body = { name: 'some', cron: '0 * * * *', nodes: ['a', 'b'], action: 'system.info' }
    const { admin } = world.plane
    await admin.createSchedule({ body })
    await admin.renameNode({ params: { node: 'a' }, body: { hostname: 'c' } })
    await world.at('11:00:00')
    const { last } = (await admin.getSchedule({ params: { schedule: 'some' } })).body
    const nodes = await admin.listRunNodes({ params: { run_id: last[0]?.run_id ?? '' } })
    assert.deepEqual(
      nodes.body.items.map(({ node_hostname }) => node_hostname),
      ['c', 'b'],
    )
  })

  it('is listed by name, and deleted, while its runs go on', async () => {
    await using world = await openWorld()
    await world.create({ cron: '0 * * * *' })
    await world.create({ cron: '@daily', name: 'another' })
    await world.at('11:00:00')
    const { admin } = world.plane
    const first = (await admin.listSchedules({ query: { limit: '1' } })).body
    const rest = (await admin.listSchedules({ query: { after: first.next ?? '' } })).body
    assert.deepEqual(
      [...first.items, ...rest.items].map(({ name }) => name),
      ['another', 'check'],
    )
    const params = { schedule: 'check' }
    await admin.deleteSchedule({ params })
    await assert.rejects(admin.getSchedule({ params }), { status: 404 })
    await assert.rejects(admin.deleteSchedule({ params }), { status: 404 })
    const [run] = (await admin.listRuns({})).body.items
    assert.deepEqual([run?.state, run?.schedule], ['running', 'check'])
  })

  it('is nothing to operators of other tenants, and viewers change nothing of it', async () => {
    await using world = await openWorld()
    await world.create({ cron: '@daily' })
    const params = { schedule: 'check' }
    const { api: stranger } = await addOperator(world.plane, { tenant: 'other' })
    assert.deepEqual((await stranger.listSchedules({})).body.items, [])
    await Promise.all(
      [
        stranger.getSchedule({ params }),
        stranger.changeSchedule({ params, body: { enabled: false } }),
        stranger.deleteSchedule({ params }),
      ].map((attempt) => assert.rejects(attempt, { status: 404 })),
    )
    const { api: viewer } = await addOperator(world.plane, { role: 'viewer' })
    assert.equal((await viewer.getSchedule({ params })).body.name, 'check')
    await Promise.all(
      [
        viewer.changeSchedule({ params, body: { enabled: false } }),
        viewer.deleteSchedule({ params }),
        viewer.createSchedule({
          body: { name: 'x', cron: '@daily', selector: '*', action: 'system.info' },
        }),
      ].map((attempt) => assert.rejects(attempt, { status: 403 })),
    )
  })
})

/** A control plane whose clock says what it is told, with nodes that end what they are asked for when told to. */
async function openWorld({
  hosts = ['web'],
  dataDir,
  schedules = 1_000,
}: {
  hosts?: string[]
  dataDir?: string
  schedules?: number
} = {}) {
  const clock = createFakeClock()
  const config = { limits: { schedules } }
  const plane = await startControlPlane({ clock, config, ...(dataDir ? { dataDir } : {}) })
  const capabilities = { builtin_actions: [{ name: 'system.info' }] }
  const nodes: EnrolledNode[] = []
  for (const host of hosts) nodes.push(await plane.enrol(host, { capabilities }))
  const shown = async () => (await plane.admin.getSchedule({ params: { schedule: 'check' } })).body
  return {
    plane,
    shown,
    async create(spec: Partial<ScheduleSpec> & { cron: string }) {
      const body = { name: 'check', selector: '*', action: 'system.info', ...spec }
      return (await plane.admin.createSchedule({ body })).body
    },
    /** What the control plane does at a time of its first day. */
    async at(time: string): Promise<void> {
      clock.step(Date.parse(`2025-01-15T${time}Z`) - clock.now())
      await startDueRuns(plane.app)
    },
    turns: async () =>
      (await shown()).last.map(({ due_at, outcome, reason }) => [
        due_at.slice(11, 16),
        outcome,
        reason,
      ]),
    /** The nodes end all that they were asked for. */
    async ends(): Promise<void> {
      for (const { node_id, api } of nodes) {
        const { items } = (await plane.admin.listExecutions({ params: { node: node_id } })).body
        for (const { id: execution_id, finished_at } of items)
          if (finished_at === null)
            await api.finishExecution({
              params: { node_id, execution_id },
              body: { status: 'success' },
            })
      }
    },
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  }
}

async function adminId(admin: Awaited<ReturnType<typeof openWorld>>['plane']['admin']) {
  return (await admin.listAdminTokens({})).body.items[0]?.id
}
