import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startControlPlane, type TestControlPlane } from '@plexd/control-plane/testing'
import { metrics, peerGroups } from '@plexd/protocol'
import { freePort, serve, until } from '@plexd/runtime/testing'

const { PLEXD_COLLECTORS, PLEXD_OTELCOL = '' } = process.env
const skip =
  (PLEXD_COLLECTORS !== 'all' && 'runs with --all') ||
  (PLEXD_OTELCOL === '' && 'needs a Collector, whose path PLEXD_OTELCOL says')

interface Attribute {
  key: string
  value: object
}
interface LogOut {
  body: { stringValue: string }
  severityNumber: number
  timeUnixNano: string
  attributes: Attribute[]
}
interface MetricOut {
  name: string
  unit: string
  sum?: { isMonotonic: boolean; aggregationTemporality: number }
  gauge?: object
}
interface Understood {
  resourceLogs?: { resource: { attributes: Attribute[] }; scopeLogs: { logRecords: LogOut[] }[] }[]
  resourceMetrics?: { scopeMetrics: { metrics: MetricOut[] }[] }[]
}

/** A Collector that passes on to us, as JSON, what it has understood. */
async function startCollector(folder: string, port: number, understood: Understood[]) {
  await using stack = new AsyncDisposableStack()
  const receiver = stack.use(
    await serve(async (request, response) => {
      const body = Buffer.concat(await Array.fromAsync(request)).toString()
      understood.push(JSON.parse(body) as Understood)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    }),
  )
  const endpoint = `127.0.0.1:${port}`
  const settings = {
    receivers: { otlp: { protocols: { http: { endpoint } } } },
    exporters: { otlphttp: { endpoint: receiver.url, encoding: 'json', compression: 'none' } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        metrics: { receivers: ['otlp'], exporters: ['otlphttp'] },
        logs: { receivers: ['otlp'], exporters: ['otlphttp'] },
      },
    },
  }
  const path = join(folder, 'otelcol.json')
  await writeFile(path, JSON.stringify(settings))
  const child = spawn(PLEXD_OTELCOL, ['--config', path], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  stack.defer(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  await until('the Collector to serve', async () => {
    assert.equal(child.exitCode, null, said)
    return await fetch(`http://${endpoint}/`).catch(() => undefined)
  })
  return stack.move()
}

const timestamp = '2026-01-15T10:30:00.123456789Z'
const log = {
  timestamp,
  source: 'journald',
  unit: 'shop',
  severity: 'warn',
  message: 'order "7" is late\nörtlich',
  fields: { order: 7, share: 0.5, paid: false, none: null, items: [{ id: 'a' }], big: 2 ** 53 },
}
const audit = {
  timestamp,
  source: 'auditd',
  event_type: 'SYSCALL',
  subject: { uid: 0 },
  object: { path: '/etc/shadow' },
  action: 'open',
  result: 'denied',
}

async function append(plane: TestControlPlane, node_id: string): Promise<void> {
  const source = { tenant_id: plane.app.firstTenantId, node_id }
  const points = Array.from(
    Map.groupBy(metrics, ({ group }) => group),
    ([group, rows]) => ({
      timestamp,
      group,
      ...(peerGroups.has(group) ? { peer_id: 'n_db' } : {}),
      data: Object.fromEntries(rows.map(({ field }) => [field, 12_345.5])),
    }),
  )
  for (const [kind, records] of [
    ['metrics', points],
    ['logs', [log]],
    ['audit', [audit]],
  ] as const)
    await plane.app.telemetry.append({
      kind,
      source,
      records: records.map((r) => JSON.stringify(r)),
    })
}

describe('a real OpenTelemetry Collector', { skip }, () => {
  it('understands all metrics, logs with their fields, and audit records', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-otelcol-'))
    const understood: Understood[] = []
    const port = await freePort()
    await using _collector = await startCollector(folder.path, port, understood)
    const forward = {
      name: 'collector',
      kind: 'otlp',
      url: `http://127.0.0.1:${port}`,
      headerFiles: {},
      caFile: undefined,
      tenant: undefined,
      records: ['metrics', 'logs', 'audit'],
      selector: undefined,
    } as const
    await using plane = await startControlPlane({ config: { forwards: [forward] } })
    const web = await plane.enrol('web')
    await append(plane, web.node_id)
    const status = () => plane.app.forwards.status()
    await until('all to be taken', () => status().every(({ sent }) => sent > 0))
    assert.deepEqual(
      status().map(({ refused, error }) => [refused, error]),
      status().map(() => [0, null]),
    )
    const ofMetrics = () =>
      understood.flatMap(({ resourceMetrics = [] }) =>
        resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((one) => one.metrics)),
      )
    const ofLogs = () => understood.flatMap(({ resourceLogs = [] }) => resourceLogs)
    const records = () =>
      ofLogs().flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords))
    await until('all to be passed on', () => ofMetrics().length > 0 && records().length === 2)

    const names = new Set(ofMetrics().map(({ name }) => name))
    assert.equal(names.size, metrics.length)
    for (const { name, sum, gauge } of ofMetrics())
      assert.ok(gauge || (sum?.isMonotonic && sum.aggregationTemporality === 2), name)

    const said = records().find(({ body }) => body.stringValue === log.message) ?? assert.fail()
    assert.deepEqual([said.severityNumber, said.timeUnixNano], [13, '1768473000123456789'])
    const value = (key: string) => said.attributes.find((one) => one.key === key)?.value
    assert.deepEqual(['order', 'share', 'paid', 'none', 'items'].map(value), [
      { intValue: '7' },
      { doubleValue: 0.5 },
      { boolValue: false },
      {},
      {
        arrayValue: {
          values: [{ kvlistValue: { values: [{ key: 'id', value: { stringValue: 'a' } }] } }],
        },
      },
    ])
    assert.ok(records().some(({ body }) => body.stringValue === JSON.stringify(audit)))
    const [resource] = ofLogs().map((one) => one.resource.attributes)
    assert.ok(resource?.some(({ key }) => key === 'host.name'))
  })
})
