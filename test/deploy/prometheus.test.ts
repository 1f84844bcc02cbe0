import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startControlPlane, type TestControlPlane } from '@plexd/control-plane/testing'
import { metrics, peerGroups } from '@plexd/protocol'
import { parseConfig } from '@plexd/runtime'
import { freePort, until } from '@plexd/runtime/testing'
import { missingPrograms } from '../../scripts/laboratory/requirements.ts'

const deploy = join(import.meta.dirname, '../../deploy')
const dashboards = ['plexd-nodes', 'plexd-mesh', 'plexd-control-plane']
const run = promisify(execFile)

interface Prometheus extends AsyncDisposable {
  /** The result of an instant query. */
  query(expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]>
}

/** The settings of deploy/, but over plain HTTP and every second. */
async function writeSettings(
  folder: string,
  { url, adminToken }: TestControlPlane,
): Promise<string> {
  const text = await readFile(join(deploy, 'prometheus/prometheus.yml'), 'utf8')
  const settings = text
    .replaceAll('plexd.example.com:8443', new URL(url).host)
    .replaceAll(/^ *tls_config: .*\n/gm, '')
    .replaceAll('https', 'http')
    .replaceAll('15s', '1s')
  await writeFile(join(folder, 'plexd-token'), adminToken, { mode: 0o600 })
  await writeFile(
    join(folder, 'alerts.yml'),
    await readFile(join(deploy, 'prometheus/alerts.yml'), 'utf8'),
  )
  const path = join(folder, 'prometheus.yml')
  await writeFile(path, settings)
  return path
}

async function startPrometheus(
  folder: string,
  settings: string,
  port: number,
): Promise<Prometheus> {
  const child = spawn(
    'prometheus',
    [
      `--config.file=${settings}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  )
  return {
    async query(expression) {
      const body = new URLSearchParams({ query: expression })
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query`, { method: 'POST', body })
      const { data, error } = (await answer.json()) as {
        data: { result: Awaited<ReturnType<Prometheus['query']>> }
        error?: string
      }
      assert.equal(error, undefined, expression)
      return data.result
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** All that nodes measure, of one node and one peer of it. */
async function measure(plane: TestControlPlane, node_id: string, peer_id: string, agoMs = 0) {
  const timestamp = new Date(Date.now() - agoMs).toISOString()
  const records = Array.from(
    Map.groupBy(metrics, ({ group }) => group),
    ([group, rows]) =>
      JSON.stringify({
        timestamp,
        group,
        ...(peerGroups.has(group) ? { peer_id } : {}),
        data: Object.fromEntries(rows.map(({ field }) => [field, Date.now() / 1_000])),
      }),
  )
  const source = { tenant_id: plane.app.firstTenantId, node_id }
  await plane.app.telemetry.append({ kind: 'metrics', source, records })
  return records.length
}

/** Every expression of an alert, without its bound, and of a dashboard, without its variables. */
async function expressions(): Promise<string[]> {
  const text = await readFile(join(deploy, 'prometheus/alerts.yml'), 'utf8')
  const { groups } = (await parseConfig(text, 'alerts.yml')) as {
    groups: { rules: { expr: string }[] }[]
  }
  const ofAlerts = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr.trim()))
  const ofDashboards = await Promise.all(
    dashboards.map(async (name) => {
      const { panels } = JSON.parse(
        await readFile(join(deploy, `grafana/${name}.json`), 'utf8'),
      ) as {
        panels: { targets: { expr: string }[] }[]
      }
      return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    }),
  )
  return [
    ...ofAlerts.map((expr) => expr.replace(/ (==|>|<) [\d.]+$/, '')),
    ...ofDashboards
      .flat()
      .map((expr) => expr.replaceAll('$node', '.*').replaceAll('$__rate_interval', '1m')),
  ]
}

const skip = missingPrograms('prometheus', 'promtool')

describe('a real Prometheus', { skip }, () => {
  it('has data for every alert and dashboard, scraped and by remote write, and takes what is in time', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-prometheus-'))
    const port = await freePort()
    const forward = {
      name: 'prometheus',
      kind: 'remote-write',
      url: `http://127.0.0.1:${port}/api/v1/write`,
      headerFiles: {},
      caFile: undefined,
      tenant: undefined,
      records: ['metrics'],
      selector: undefined,
    } as const
    await using plane = await startControlPlane({ config: { forwards: [forward] } })
    const settings = await writeSettings(folder.path, plane)
    await run('promtool', ['check', 'config', settings])
    const capabilities = { metrics: { listen: '0.0.0.0:9100' } }
    const web = await plane.enrol('web', { capabilities })
    const db = await plane.enrol('db')
    // What only happens where something is wrong, or over TLS.
    plane.app.metrics.violation('hook')
    plane.app.metrics.telemetry('logs', { accepted: 1, dropped: 0, duplicates: 0 })
    plane.app.metrics.showCertificates(() => new Map([['authority', Date.now() + 1e9]]))
    await using prometheus = await startPrometheus(folder.path, settings, port)

    // Also of a node that it finds, and cannot reach.
    const all = [...(await expressions()), 'up{job="plexd-agents"}']
    assert.ok(all.length > 40)
    let empty = all
    for (const endMs = performance.now() + 60_000; empty.length > 0; await delay(500)) {
      assert.ok(performance.now() < endMs, `no data for ${empty.join('\n')}`)
      await measure(plane, web.node_id, db.node_id)
      await measure(plane, db.node_id, web.node_id)
      const found = await Promise.all(
        empty.map((expression) => prometheus.query(expression).catch(() => [])),
      )
      empty = empty.filter((_, at) => found[at]?.length === 0)
    }
    const [scraped] = await prometheus.query('plexd_node_up{job="plexd-nodes",node="web"}')
    assert.equal(scraped?.metric.node_id, web.node_id)
    const [target] = await prometheus.query('up{job="plexd-agents",node="web"}')
    assert.match(target?.metric.instance ?? '', /:9100$/)
    const [rtt] = await prometheus.query('plexd_peer_rtt_seconds{job="plexd",node="web"}')
    assert.deepEqual([rtt?.metric.peer, rtt?.metric.tenant], ['db', 'default'])

    const newest = async (): Promise<number> => {
      const [result] = await prometheus.query(
        'timestamp(plexd_node_load_1{job="plexd",node="web"})',
      )
      return Number(result?.value[1]) * 1_000
    }
    const status = () => plane.app.forwards.status()[0] ?? assert.fail()
    const beforeMs = Date.now()
    const refusedBefore = status().refused
    await measure(plane, db.node_id, web.node_id, 24 * 3_600_000)
    await measure(plane, web.node_id, db.node_id)
    await until('web has what is new, whatever db sends', async () => (await newest()) >= beforeMs)
    // Each at its own pace: that of db may be refused after that of web was taken.
    await until('what is too old is refused', () => status().refused > refusedBefore)
    assert.equal(status().refused - refusedBefore, metrics.length)
    assert.match(status().error ?? '', /it answered 400/)
  })
})
