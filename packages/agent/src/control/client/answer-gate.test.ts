import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  ApiError,
  answerHeader,
  type Client,
  type ControlApi,
  controlApi,
  type Operation,
  paramNames,
  type TransportRequest,
  type TransportResponse,
} from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { defaultConfig } from '../../config/agent-config.ts'
import { createProblems } from '../../health/problems.ts'
import { createVitals } from '../../health/vitals.ts'
import { aMemoryQueue } from '../../queue/testing/memory-queue.ts'
import type { ReportChange } from '../../state/reports/report-store.ts'
import { openTestDatabase } from '../../testing/database.ts'
import { startExecutionOutbox } from '../execution-outbox.ts'
import { startHeartbeat } from '../heartbeat.ts'
import { startReportSync } from '../reports/sync.ts'
import { createAnswerGate } from './answer-gate.ts'
import { clientOver } from './client.ts'
import { describeFailure, ForeignAnswer, isFinal, isRefusal } from './failure.ts'

const statuses = [
  200, 201, 202, 204, 301, 302, 304, 307, 400, 401, 403, 404, 405, 407, 408, 409, 413, 415, 422,
  429, 451, 500, 502, 503, 504, 507, 511,
]
const html = { 'content-type': 'text/html' }
const json = { 'content-type': 'application/json' }
const mark = { [answerHeader]: 'life' }

type Form = 'HTML' | 'empty' | 'other JSON' | 'truncated' | 'ours'
const forms: readonly Form[] = ['HTML', 'empty', 'other JSON', 'truncated', 'ours']

function answerIn(form: Form, status: number): TransportResponse {
  const isSuccess = (status >= 200 && status <= 299) || status === 304
  const whole = isSuccess ? '{}' : '{"error":"refused","code":"refused"}'
  if (form === 'HTML') return { status, headers: html, body: '<html><title>Proxy</title></html>' }
  if (form === 'empty') return { status, headers: {}, body: '' }
  if (form === 'other JSON') return { status, headers: json, body: '{"message":"no route"}' }
  if (form === 'truncated')
    return {
      status,
      headers: { ...json, ...mark },
      body: status === 304 ? '<' : whole.slice(0, -1),
    }
  return { status, headers: { ...json, ...mark }, body: whole }
}

/** Each operation, each status, each form. */
function* everyAnswer() {
  for (const name of Object.keys(controlApi) as (keyof ControlApi)[])
    for (const status of statuses)
      for (const form of forms) yield { name, form, answer: answerIn(form, status) }
}

type Outcome = 'believed' | 'foreign' | 'refused'

/** What a node that knows the control plane, or does not yet, makes of an answer. */
async function outcomeOf(
  name: keyof ControlApi,
  answer: TransportResponse,
  hasShown: boolean,
): Promise<{ outcome: Outcome; error?: unknown }> {
  const client = clientOver(async () => answer, {
    credentials: { bearer: () => 'token' },
    gate: createAnswerGate({ hasShown }),
  })
  const { path } = controlApi[name] as Operation
  const params = Object.fromEntries(paramNames(path).map((param) => [param, 'x']))
  // Any row is called alike; what its type asks for is not looked at on the way out.
  const call = client[name] as (input: object) => Promise<unknown>
  try {
    await call({ params, body: {} })
    return { outcome: 'believed' }
  } catch (error) {
    return { outcome: error instanceof ForeignAnswer ? 'foreign' : 'refused', error }
  }
}

const isSuccess = ({ status }: TransportResponse): boolean =>
  status === 304 || (status >= 200 && status <= 299)

describe('every answer to every operation', () => {
  it('is believed in our form alone, from a control plane that has shown it', async () => {
    for (const { name, form, answer } of everyAnswer()) {
      const { outcome, error } = await outcomeOf(name, answer, true)
      const expected = form === 'ours' ? (isSuccess(answer) ? 'believed' : 'refused') : 'foreign'
      assert.equal(outcome, expected, `${name} ${answer.status} ${form}`)
      if (outcome === 'foreign') assert.ok(!isRefusal(error) && !isFinal(error))
    }
  })

  it('is believed by its bare status from one that never has, unless it is a page', async () => {
    for (const { name, form, answer } of everyAnswer()) {
      const { outcome } = await outcomeOf(name, answer, false)
      const isPage = form === 'HTML' || answer.body === '<'
      const expected = isPage ? 'foreign' : isSuccess(answer) ? 'believed' : 'refused'
      assert.equal(outcome, expected, `${name} ${answer.status} ${form}`)
    }
  })
})

describe('what waits for the control plane', () => {
  it('is given up for no answer but ours, and nobody is told to deregister for another', async () => {
    for (const status of statuses)
      for (const form of forms) {
        const { results, reports, problems } = await deliverTo(answerIn(form, status), true)
        const what = `${status} ${form}: ${problems.join()}`
        if (form !== 'ours') {
          assert.deepEqual([results, reports], [2, 1], what)
          assert.doesNotMatch(problems.join(), /deregister/, what)
          assert.match(problems.join(), /something on the way answered/, what)
        } else if (isSuccess({ ...answerIn(form, status) }) && status !== 304)
          assert.deepEqual([results, reports, problems], [0, 0, []], what)
        else if (status === 401) assert.match(problems.join(), /deregister/)
      }
  })

  it('is delivered by an empty 200 to a control plane that never has shown our form, and refused by a bare 401', async () => {
    const taken = await deliverTo({ status: 200, headers: {}, body: '' }, false)
    assert.deepEqual(taken, { results: 0, reports: 0, problems: [] })
    const refused = await deliverTo({ status: 401, headers: {}, body: '' }, false)
    assert.deepEqual([refused.results, refused.reports], [2, 1])
    assert.match(refused.problems.join(), /deregister --purge/)
  })
})

/** An ack with its result, a report and a heartbeat meet one answer. */
async function deliverTo(answer: TransportResponse, hasShown: boolean) {
  const clock = createFakeClock()
  using store = openTestDatabase()
  const client: Client<ControlApi> = clientOver(async () => answer, {
    credentials: { bearer: () => 'token' },
    gate: createAnswerGate({ hasShown }),
  })
  const problems = createProblems()
  const where = { apiUrl: 'https://control.example', caFile: undefined }
  const describe = (error: unknown): string => describeFailure(error, where)
  const common = { client, nodeId: 'n_1', describe, problems, clock, log: silentLog }
  const reports = oneReport()
  await using outbox = startExecutionOutbox({
    ...common,
    database: store.database,
    queue: aMemoryQueue(),
    limits: defaultConfig.limits,
  })
  outbox.decide({ execution_id: 'e', status: 'accepted', reason: '' })
  outbox.finish(aResult)
  await using sync = startReportSync({
    ...common,
    store: reports,
    send: (body, signal) => client.syncReports({ params: { node_id: 'n_1' }, body, signal }),
    flushMs: 0,
  })
  await using _ = startHeartbeat({
    ...common,
    intervalMs: 30_000,
    dataDir: '',
    describeNode: () => ({}),
    onReconcile: () => {},
    onRotateKeys: async () => {},
    onStunServers() {},
    installation: { heeded: () => undefined, onChange: () => () => {} },
    vitals: createVitals(),
  })
  for (let step = 0; step < 12; step++) await clock.advance(1_000)
  const left = reports.unsyncedCount() - sync.setAside()
  return { results: outbox.pendingCount(), reports: left, problems: problems.list() }
}

/** A store with one change in it, in memory. */
function oneReport() {
  const entry = { key: 'k', content_type: 'text/plain', payload: '1', version: 1, updated_at: '' }
  const unsynced = new Set<ReportChange>([{ op: 'put', ...entry }])
  return {
    index: () => 1,
    onChange: () => () => {},
    unsynced: () => [...unsynced],
    unsyncedCount: () => unsynced.size,
    async confirm(changes: readonly ReportChange[]) {
      for (const change of changes) unsynced.delete(change)
    },
    raise: async () => {},
  }
}

const aResult = {
  execution_id: 'e',
  status: 'success',
  exit_code: 0,
  stdout: '',
  stderr: '',
  duration: '1s',
  finished_at: '2026-01-01T00:00:00Z',
} as const

describe('createAnswerGate', () => {
  it('remembers that our form was shown, once', async () => {
    let shown = 0
    const gate = createAnswerGate({ onShown: () => shown++ })
    gate.judge(answerIn('empty', 200))
    assert.equal(gate.hasShown(), false)
    gate.judge(answerIn('ours', 401))
    gate.judge(answerIn('ours', 200))
    assert.deepEqual([shown, gate.hasShown()], [1, true])
    assert.throws(() => gate.judge(answerIn('empty', 200)), ForeignAnswer)
  })

  it('says what answered, from where, and when the control plane does again', () => {
    const told: (string | undefined)[] = []
    let back = 0
    const gate = createAnswerGate({
      onForeign: (answer) => told.push(answer?.message),
      onBack: () => back++,
    })
    const page = { ...answerIn('HTML', 403), from: '192.0.2.1:3128' }
    assert.throws(() => gate.judge(page), ForeignAnswer)
    gate.judge(answerIn('ours', 200))
    gate.failed(new Error('down'))
    gate.judge(answerIn('ours', 200))
    gate.judge(answerIn('ours', 200))
    assert.deepEqual(told, [
      'something on the way answered 403 with "text/html" (from 192.0.2.1:3128): "Proxy"',
      undefined,
    ])
    assert.equal(back, 2)
  })

  it('keeps a token that only a page refuses', async () => {
    const asked: TransportRequest[] = []
    let wentBack = 0
    const client = clientOver(
      async (request) => {
        asked.push(request)
        return answerIn('HTML', 401)
      },
      {
        credentials: {
          bearer: () => 'new',
          before: () => ['old'],
          goBack: async () => void wentBack++,
        },
      },
    )
    await assert.rejects(client.heartbeat({ params: { node_id: 'n' }, body: {} }), ForeignAnswer)
    assert.deepEqual([asked.length, wentBack], [1, 0])
    assert.ok(!(new ForeignAnswer(answerIn('HTML', 401)) instanceof ApiError))
  })
})
