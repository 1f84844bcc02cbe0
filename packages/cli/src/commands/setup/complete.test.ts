import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { failure } from '../../testing/admin-server.ts'
import { type Bench, startBench } from '../../testing/run.ts'
import {
  aDataEntry,
  aNode,
  anEntry,
  aPage,
  aPolicy,
  aRun,
  aSchedule,
} from '../../testing/samples.ts'
import { completionScripts } from './complete.ts'

const candidates = async (bench: Bench, ...words: string[]): Promise<string[]> => {
  const { stdout } = await bench.run(['__complete', '--', ...words])
  return stdout.split('\n').filter(Boolean)
}

describe('completion of a command line', () => {
  it('offers commands, and what stands below a command', async () => {
    await using bench = await startBench()

    assert.deepEqual(await candidates(bench, 'a'), [
      'action',
      'audit',
      'alerts',
      'artifact',
      'authority',
      'admin-token',
    ])
    assert.deepEqual(await candidates(bench, 'node', ''), [
      'list',
      'show',
      'rename',
      'remove',
      'rotate-keys',
      'label',
    ])
    assert.deepEqual(await candidates(bench, 'node', 'label', 'uns'), ['unset'])
    assert.ok(!(await candidates(bench, '')).includes('__complete'))
  })

  it('offers the flags of a command and the global ones', async () => {
    await using bench = await startBench()

    assert.deepEqual(await candidates(bench, 'node', 'list', '--se'), ['--selector', '--server'])
    assert.deepEqual(await candidates(bench, '--server', 'node', 'who'), ['whoami'])
  })

  it('offers the choices of a flag and of an argument', async () => {
    await using bench = await startBench()

    assert.deepEqual(await candidates(bench, 'admin-token', 'create', 'x', '--role', ''), [
      'owner',
      'viewer',
    ])
    assert.deepEqual(await candidates(bench, 'completion', 'f'), ['fish'])
  })

  it('offers nothing where a file name stands, so that the shell offers files', async () => {
    await using bench = await startBench()

    assert.deepEqual(await candidates(bench, 'data', 'put', 'conf', '--file', ''), [])
    assert.deepEqual(await candidates(bench, 'policy', 'put', ''), [])
  })

  it('offers the hostnames of nodes, and ids to one who types an id', async () => {
    const nodes = [aNode(), aNode({ id: 'n_db', hostname: 'db-01' })]
    await using bench = await startBench({ 'GET /admin/v1/nodes?limit=1000': aPage(nodes) })

    assert.deepEqual(await candidates(bench, 'node', 'show', ''), ['web-01', 'db-01'])
    assert.deepEqual(await candidates(bench, 'action', 'run', 'w'), ['web-01'])
    assert.deepEqual(await candidates(bench, 'data', 'put', 'k', '--node', 'n_d'), ['n_db'])
    assert.deepEqual(await candidates(bench, 'telemetry', 'list', 'web-01', 'dr'), ['drift'])
  })

  it('offers nodes behind a login, also where bash takes it for several words', async () => {
    const nodes = [aNode(), aNode({ id: 'n_db', hostname: 'db-01' })]
    await using bench = await startBench({ 'GET /admin/v1/nodes?limit=1000': aPage(nodes) })

    assert.deepEqual(await candidates(bench, 'ssh', 'we'), ['web-01'])
    assert.deepEqual(await candidates(bench, 'ssh', 'deploy@we'), ['deploy@web-01'])
    assert.deepEqual(await candidates(bench, 'ssh', 'deploy', '@', 'we'), ['web-01'])
    assert.deepEqual(await candidates(bench, 'ssh', 'deploy', '@'), ['web-01', 'db-01'])
    assert.deepEqual(await candidates(bench, 'forward', 'deploy', '@', 'db-01', '5432', ''), [])
    assert.deepEqual(await candidates(bench, 'cp', 'motd', 'deploy@d'), ['deploy@db-01:'])
    assert.deepEqual(await candidates(bench, 'cp', 'db-01', ':', 'motd', 'w'), ['web-01:'])
    assert.deepEqual(await candidates(bench, 'cp', ''), [])
  })

  it('offers the names of policies, and the keys of data and secrets', async () => {
    await using bench = await startBench({
      'GET /admin/v1/policies?limit=1000': aPage([aPolicy({ name: 'allow-all' })]),
      'GET /admin/v1/data?limit=1000': aPage([
        aDataEntry({ key: 'tls/ca' }),
        aDataEntry({ key: 'tls/ca' }),
      ]),
      'GET /admin/v1/secrets?limit=1000': aPage([aDataEntry({ key: 'db' })]),
    })

    assert.deepEqual(await candidates(bench, 'policy', 'show', ''), ['allow-all'])
    assert.deepEqual(await candidates(bench, 'policy', 'remove', 'all'), ['allow-all'])
    assert.deepEqual(await candidates(bench, 'data', 'show', 't'), ['tls/ca'])
    assert.deepEqual(await candidates(bench, 'secret', 'remove', ''), ['db'])
    assert.deepEqual(await candidates(bench, 'admin-token', 'create', ''), [])
  })

  it('offers runs and schedules', async () => {
    await using bench = await startBench({
      'GET /admin/v1/runs?limit=1000': aPage([aRun()]),
      'GET /admin/v1/schedules?limit=1000': aPage([aSchedule({ name: 'nightly' })]),
    })

    assert.deepEqual(await candidates(bench, 'action', 'runs', 'cancel', 'run'), ['run_1'])
    assert.deepEqual(await candidates(bench, 'action', 'schedule', 'show', ''), ['nightly'])
    assert.deepEqual(await candidates(bench, 'action', 'schedule', 'create', ''), [])
  })

  it('offers alert rules and webhooks', async () => {
    await using bench = await startBench({
      'GET /admin/v1/alert-rules': { items: [{ name: 'clock-off' }] },
      'GET /admin/v1/alert-webhooks': { items: [{ name: 'ops' }] },
    })
    assert.deepEqual(await candidates(bench, 'alerts', 'rules', 'show', ''), ['clock-off'])
    assert.deepEqual(await candidates(bench, 'alerts', 'webhooks', 'test', ''), ['ops'])
    assert.deepEqual(await candidates(bench, 'alerts', 'webhooks', 'create', ''), [])
  })

  it('offers the actions and the report keys of the node in front of the cursor', async () => {
    const capabilities = {
      builtin_actions: [{ name: 'health.check' }],
      hooks: [{ name: 'backup' }],
    }
    await using bench = await startBench({
      'GET /admin/v1/nodes/web-01': aNode({ capabilities }),
      'GET /admin/v1/nodes/web-01/reports?limit=1000': aPage([anEntry({ key: 'app-health' })]),
    })

    assert.deepEqual(await candidates(bench, 'action', 'run', '--wait', 'web-01', ''), [
      'health.check',
      'backup',
    ])
    assert.deepEqual(await candidates(bench, 'report', 'show', 'web-01', 'app'), ['app-health'])
  })

  it('never offers a hostname that a shell would run', async () => {
    const nodes = ['$(reboot)', '`id`', 'a b', '-rf', 'a;b', '*'].map((hostname) =>
      aNode({ hostname }),
    )
    await using bench = await startBench({ 'GET /admin/v1/nodes?limit=1000': aPage(nodes) })

    assert.deepEqual(await candidates(bench, 'node', 'show', ''), [])
  })

  it('is silent when the control plane cannot be asked', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes?limit=1000': failure(401, 'unauthorized'),
    })

    assert.deepEqual(await bench.run(['__complete', '--', 'node', 'show', '']), {
      stdout: '',
      stderr: '',
    })
  })
})

describe('completion of telemetry', () => {
  it('offers metrics and nodes', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes?limit=1000': aPage([{ ...aNode, hostname: 'web-01' }]),
    })
    assert.deepEqual(await candidates(bench, 'metrics', 'query', 'peer_'), ['peer_latency.rtt_ms'])
    assert.deepEqual(await candidates(bench, 'top', ''), ['nodes', 'peers'])
    for (const argv of [['logs'], ['audit', 'nodes'], ['top', 'peers'], ['metrics', 'query', 'x']])
      assert.deepEqual(await candidates(bench, ...argv, 'w'), ['web-01'])
  })
})

describe('completion bash', () => {
  it('prints a script that completes with what plexctl answers, word for word', async () => {
    await using bench = await startBench()
    const { stdout: script } = await bench.run(['completion', 'bash'])
    assert.equal(script, completionScripts.bash)

    const test = `plexctl() { printf '%s\\n' "$*" 'a b' '*'; }
      ${script}
      COMP_WORDS=(plexctl node show 'w'); COMP_CWORD=3; _plexctl; printf '[%s]' "\${COMPREPLY[@]}"`
    const completed = execFileSync('bash', ['-c', test], { encoding: 'utf8' })

    assert.equal(completed, '[__complete -- node show w][a b][*]')
  })
})
