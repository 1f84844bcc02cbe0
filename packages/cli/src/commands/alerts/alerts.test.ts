import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Alert, AlertRuleView, AlertSilence, AlertWebhook } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'
import { aPage } from '../../testing/samples.ts'

const time = '2025-01-15T10:25:00.000Z'
const alert: Alert = {
  id: 'alr_1',
  rule: 'disk-nearly-full',
  severity: 'warning',
  state: 'firing',
  node: 'web-01',
  node_id: 'n_web',
  summary: 'disk is 0.93, above 0.9',
  value: 0.93,
  since: time,
  fired_at: time,
  resolved_at: null,
  reason: '',
}
const rule: AlertRuleView = {
  name: 'busy',
  selector: '*',
  when: { metric: { name: 'node_resources.load_1', above: 8 } },
  for: '5m0s',
  keep_firing: '0s',
  severity: 'info',
  is_default: false,
  revision: 2,
  updated_at: time,
  updated_by: 'admin',
  data: { nodes: 3, sending: 2 },
}
const webhook: AlertWebhook = {
  id: 'whk_1',
  name: 'ops',
  origin: 'https://alerts.example.com',
  severities: ['critical'],
  created_by: 'admin',
  created_at: time,
  waiting: 1,
  delivered: 2,
  dropped: 3,
  last_error: 'it answered 503',
  retry_at: time,
  previous_secret_until: null,
}

describe('alerts', () => {
  it('lists those that are asked for', async () => {
    const list = 'GET /admin/v1/alerts?limit=100&state=firing&node=web-01'
    const silenced = { ...alert, silenced_until: '2025-01-15T11:00:00.000Z' }
    await using bench = await startBench({
      [list]: aPage([{ ...alert, silenced_until: null }, silenced]),
    })
    const { stdout } = await bench.run(['alerts', 'list', '--state', 'firing', '--node', 'web-01'])
    const row = 'firing +warning +disk-nearly-full +web-01 +5m +- +'
    for (const until of ['-', '2025-01-15 11:00Z'])
      assert.match(stdout, new RegExp(`^${row}${until} +disk is 0\\.93, above 0\\.9$`, 'm'))
  })

  it('says of a rule that judges nothing that it does', async () => {
    const name = 'shop.open{shop="berlin"}'
    const pending = {
      ...rule,
      when: { metric: { name, above: 3 } },
      data: { nodes: 3, sending: 0 },
    }
    await using bench = await startBench({
      'GET /admin/v1/alert-rules': { items: [rule, pending], deleted: [] },
      'GET /admin/v1/alert-rules/busy': pending,
    })
    const { stdout, stderr } = await bench.run(['alerts', 'rules', 'list'])
    assert.match(stdout, / 2 of 3 .*\n.* 0 of 3 /)
    const says = `pending data: no node that it is for sends ${name}`
    assert.equal(stderr, `"busy": ${says}\n`)
    const shown = await bench.run(['alerts', 'rules', 'show', 'busy'])
    assert.ok(shown.stdout.startsWith(`# ${says}\nselector: `), shown.stdout)
  })

  it('shows a rule in the form that it is written in', async () => {
    const path = '/admin/v1/alert-rules/busy'
    await using bench = await startBench({ [`GET ${path}`]: rule, [`PUT ${path}`]: rule })
    const { stdout: shown } = await bench.run(['alerts', 'rules', 'show', 'busy'])
    const { stdout } = await bench.run(['alerts', 'rules', 'put', 'busy', '-'], { stdin: shown })
    assert.equal(stdout, 'wrote "busy" revision 2\n')
    const { selector, when, keep_firing, severity } = rule
    const body = { selector, when, for: '5m0s', keep_firing, severity }
    assert.deepEqual(bench.server.requests[1]?.body, body)
  })

  it('lists rules in words, with those that were removed, and restores these', async () => {
    const path = '/admin/v1/alert-rules'
    await using bench = await startBench({
      [`GET ${path}`]: { items: [rule], deleted: ['clock-off', 'tunnel-stale'] },
      [`POST ${path}/clock-off/restore`]: { ...rule, name: 'clock-off' },
      [`POST ${path}/tunnel-stale/restore`]: { ...rule, name: 'tunnel-stale' },
    })
    const { stdout, stderr } = await bench.run(['alerts', 'rules', 'list'])
    assert.match(stdout, /^busy +info +\* +node_resources\.load_1 > 8 for 5m +2 of 3 +admin$/m)
    assert.match(stderr, /clock-off, tunnel-stale$/m)
    const restore = ['alerts', 'rules', 'restore']
    assert.equal((await bench.run(restore)).stdout, 'restored "clock-off", "tunnel-stale"\n')
    const { stdout: json } = await bench.run([...restore, 'clock-off', '--json'])
    assert.deepEqual(
      JSON.parse(json).map(({ name }: AlertRuleView) => name),
      ['clock-off'],
    )
  })

  it('names the nodes of silences', async () => {
    const aSilence = (id: string, node: string): AlertSilence => ({
      id,
      rule: null,
      node_id: 'n_web',
      node,
      selector: null,
      reason: 'new disk',
      created_by: 'admin',
      created_at: time,
      ends_at: time,
      ended_by: null,
    })
    await using bench = await startBench({
      'GET /admin/v1/alert-silences?limit=500': aPage([
        aSilence('sil_1', 'web'),
        aSilence('sil_2', ''),
      ]),
    })
    const { stdout } = await bench.run(['alerts', 'silences', 'list'])
    assert.match(stdout, /^sil_1 +\* +web +.*\nsil_2 +\* +n_web /m)
  })

  it('says what is wrong with a rule before it sends it', async () => {
    await using bench = await startBench()
    const put = (stdin: string) => bench.run(['alerts', 'rules', 'put', 'busy', '-'], { stdin })
    await assert.rejects(put('when: {}\nseverity: loud\n'), {
      exitCode: 2,
      message: /^read alert rule standard input: line 2: severity "loud": want "info", "warning"/,
    })
    await assert.rejects(put('when: {metric: {name: a.b, abov: 1}}\nseverity: info\n'), {
      message: /when\.metric has a field "abov" that nobody reads: did you mean "above"\?$/,
    })
    await assert.rejects(put('when: [\n'), { exitCode: 2, message: /^read alert rule standard/ })
    assert.deepEqual(bench.server.requests, [])
  })

  it('silences with a reason', async () => {
    const silence = { id: 'sil_1', ends_at: '2025-01-15T12:30:00.000Z' }
    await using bench = await startBench({ 'POST /admin/v1/alert-silences': silence })
    const flags = ['-l', 'site=lab', '--for', '2h', '--reason', 'power cut']
    const { stdout } = await bench.run(['alerts', 'silence', ...flags])
    assert.equal(stdout, 'silenced until 2025-01-15T12:30:00.000Z by "sil_1"\n')
    assert.deepEqual(bench.server.requests[0]?.body, {
      selector: 'site=lab',
      for: '2h',
      reason: 'power cut',
    })
  })

  it('prints the secret of a webhook alone, and what a test of it said', async () => {
    const path = '/admin/v1/alert-webhooks'
    await using bench = await startBench({
      [`POST ${path}`]: { ...webhook, secret: 'whsec_abc=' },
      [`GET ${path}`]: { items: [webhook] },
      [`POST ${path}/ops/rotate-secret`]: {
        ...webhook,
        secret: 'whsec_def=',
        previous_secret_until: time,
      },
      [`POST ${path}/ops/test`]: { delivered: false, error: 'it answered 404' },
    })
    const url = 'https://alerts.example.com/x'
    const create = ['alerts', 'webhooks', 'create', 'ops', url, '--severity', 'critical']
    assert.equal((await bench.run(create)).stdout, 'whsec_abc=\n')
    assert.deepEqual(bench.server.requests[0]?.body, { name: 'ops', url, severities: ['critical'] })
    const rotate = ['alerts', 'webhooks', 'rotate-secret', 'ops', '--transition', '1h']
    const rotated = await bench.run(rotate)
    assert.equal(rotated.stdout, 'whsec_def=\n')
    assert.match(rotated.stderr, /The one before signs as well until 2025-01-15T10:25:00\.000Z$/m)
    assert.deepEqual(bench.server.requests[1]?.body, { transition_period: '1h' })
    const { stdout } = await bench.run(['alerts', 'webhooks', 'list'])
    assert.match(stdout, /critical {4}1 {8}2 {10}3 {8}5m {7}it answered 503$/m)
    await assert.rejects(bench.run(['alerts', 'webhooks', 'test', 'ops']), {
      exitCode: 1,
      message: 'send a message to the webhook: it answered 404',
    })
  })
})
