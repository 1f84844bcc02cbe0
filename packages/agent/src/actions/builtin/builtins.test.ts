import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ActionParameter, Peer } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { settingRows } from '../../config/settings.ts'
import { aPeer } from '../../testing/peer.ts'
import { aStatus } from '../../testing/status.ts'
import { aContext, fakeNode } from '../testing/fake-node.ts'
import { createPingNet } from '../testing/ping-net.ts'
import { builtinActions, builtins } from './index.ts'
import type { NodeFacts } from './node-facts.ts'

const db: Peer = { ...aPeer('n_db'), hostname: 'db', mesh_ip: '10.100.0.2' }

async function run(name: string, parameters: Record<string, unknown> = {}, node = fakeNode([db])) {
  const builtin = builtins.find((each) => each.name === name)
  assert.ok(builtin, name)
  const prepared = await builtin.on(node).prepare(parameters)
  return prepared(aContext())
}

/** Runs it while time passes. */
async function runFor(ms: number, node: NodeFacts, name: string, parameters = {}) {
  const ended = run(name, parameters, node)
  ended.catch(() => {}) // it is awaited below
  await (node.clock as ReturnType<typeof createFakeClock>).advance(ms) // of fakeNode
  return ended
}

describe('the built-in actions', () => {
  it('are those of the specification', () => {
    assert.deepEqual(
      builtins.map(({ name }) => name),
      [
        'diagnostics.collect',
        'diagnostics.ping_peer',
        'diagnostics.traceroute_peer',
        'service.restart',
        'service.reload_config',
        'service.upgrade',
        'system.info',
        'health.check',
        'mesh.reconnect',
        'config.dump',
        'logs.snapshot',
      ],
    )
  })

  it('refuse a parameter that is wrong, missing, unknown, huge or negative, by its name', async () => {
    for (const builtin of builtins) {
      const action = builtin.on(fakeNode([db]))
      const fitting = Object.fromEntries(
        builtin.parameters.filter(isNeeded).map(({ name }) => [name, 'n_db']),
      )
      const refuses = (parameters: Record<string, unknown>, what: string): void =>
        assert.throws(
          () => action.prepare(parameters),
          (error) => error instanceof RangeError && error.message.includes(what),
          `${builtin.name} ${JSON.stringify(parameters).slice(0, 100)}`,
        )
      refuses({ ...fitting, nonsense: '1' }, 'nonsense')
      for (const parameter of builtin.parameters) {
        const { name } = parameter
        for (const bad of badValues(parameter)) refuses({ ...fitting, [name]: bad }, name)
        if (isNeeded(parameter)) {
          const { [name]: _, ...rest } = fitting
          refuses(rest, name)
        }
      }
    }
  })

  it('say what they do and what each parameter is', () => {
    for (const { name, description, parameters } of builtins) {
      assert.ok(description.length > 20, name)
      for (const parameter of parameters) assert.ok(parameter.description, name)
    }
  })
})

function isNeeded({ required, default: preset }: ActionParameter): boolean {
  return required === true && preset === undefined
}

function badValues({ type, name }: ActionParameter): unknown[] {
  if (type === 'bool') return ['yes', '1', 0, [], {}]
  if (type === 'int') return ['many', '-1', '0', '1000000000', '9'.repeat(40), 1.5, true, []]
  // A version and a checksum are for service.upgrade to judge.
  return name === 'peer_id' || name === 'since' ? ['', 'x'.repeat(1_000), 7, true, [], {}] : [7, []]
}

describe('diagnostics.ping_peer', () => {
  it('says how long the answers took', async () => {
    const net = createPingNet(() => ({ kind: 'reply', from: db.mesh_ip }))
    const node = fakeNode([db], { openPing: async () => net })
    for (const name of ['n_db', 'db', '10.100.0.2']) {
      const { exit_code, stdout } = await runFor(2_000, node, 'diagnostics.ping_peer', {
        peer_id: name,
        count: '3',
      })
      assert.equal(exit_code, 0)
      assert.partialDeepStrictEqual(JSON.parse(stdout), {
        peer_id: 'n_db',
        sent: 3,
        received: 3,
        loss_percent: 0,
      })
    }
    assert.equal(net.closed, true)
  })

  it('fails where nobody answers, with how WireGuard sees the peer', async () => {
    const { exit_code, stdout } = await runFor(5_000, fakeNode([db]), 'diagnostics.ping_peer', {
      peer_id: 'db',
      count: 2,
    })
    assert.equal(exit_code, 1)
    assert.partialDeepStrictEqual(JSON.parse(stdout), {
      state: 'missing',
      reason: 'not on the interface',
      received: 0,
      loss_percent: 100,
      rtt_ms: null,
    })
  })

  it('ends when it is cancelled, and closes its socket', async () => {
    const net = createPingNet(() => undefined)
    const action = builtins
      .find(({ name }) => name === 'diagnostics.ping_peer')
      ?.on(fakeNode([db], { openPing: async () => net }))
    const wanted = new AbortController()
    const prepared = await action?.prepare({ peer_id: 'db' })
    const ended = prepared?.(aContext({ signal: wanted.signal }))
    await new Promise(setImmediate)
    wanted.abort(new Error('no longer wanted'))
    await assert.rejects(async () => ended, /no longer wanted/)
    assert.equal(net.closed, true)
  })
})

describe('an action that needs a peer and the mesh', () => {
  const actions = ['diagnostics.ping_peer', 'diagnostics.traceroute_peer']
  it('names the peers that there are, for one that is not', async () => {
    const many = Array.from({ length: 12 }, (_, at) => ({
      ...aPeer(`n_${at}`),
      hostname: `h${at}`,
    }))
    for (const action of actions) {
      const asked = { peer_id: 'nobody' }
      await assert.rejects(
        run(action, asked, fakeNode(many)),
        /^Error: no peer "nobody": the peers are h0 \(n_0\), .*h9 \(n_9\), and 2 more$/,
      )
      await assert.rejects(run(action, asked, fakeNode()), /this node has no peers$/)
      await assert.rejects(run(action, { peer_id: 'self' }), /"self" is this node itself$/)
    }
  })

  it('says why there is no mesh', async () => {
    const mesh = { enabled: false, interface: 'plexd0', backend: 'none', peers: 0 }
    const status = () => aStatus({ mesh: { ...mesh, reason: 'switched off by --no-mesh' } })
    for (const action of [...actions, 'mesh.reconnect']) {
      const parameters = action === 'mesh.reconnect' ? {} : { peer_id: 'db' }
      await assert.rejects(
        run(action, parameters, fakeNode([db], { status })),
        /this node has no mesh: it is switched off by --no-mesh$/,
      )
    }
  })

  it('says that a raw socket cannot be opened', async () => {
    const openPing = () => Promise.reject(new Error('open a raw socket for ICMP: it takes root'))
    for (const action of actions)
      await assert.rejects(
        run(action, { peer_id: 'db' }, fakeNode([db], { openPing })),
        /it takes root/,
      )
  })
})

describe('diagnostics.traceroute_peer', () => {
  it('traces through the mesh, and outside of it to the endpoint', async () => {
    const endpoint = '203.0.113.9:51820'
    const seen = [{ ...(await fakeNode([db]).peers())[0], endpoint }] as Awaited<
      ReturnType<NodeFacts['peers']>
    >
    const node = fakeNode([db], {
      peers: async () => seen,
      openPing: async ({ outside } = {}) =>
        createPingNet((hops) =>
          outside && hops < 3
            ? { kind: 'exceeded', from: `192.0.2.${hops}` }
            : { kind: 'reply', from: outside ? '203.0.113.9' : db.mesh_ip },
        ),
    })
    const { exit_code, stdout } = await runFor(9_000, node, 'diagnostics.traceroute_peer', {
      peer_id: 'db',
    })
    const { mesh, outside } = JSON.parse(stdout)
    const way = ({ hops }: { hops: { address: string }[] }) => hops.map(({ address }) => address)
    assert.equal(exit_code, 0)
    assert.deepEqual(way(mesh), ['10.100.0.2'])
    assert.deepEqual(way(outside), ['192.0.2.1', '192.0.2.2', '203.0.113.9'])
  })

  it('still traces the mesh where no endpoint is known', async () => {
    const { exit_code, stdout } = await runFor(
      9_000,
      fakeNode([db]),
      'diagnostics.traceroute_peer',
      { peer_id: 'db', max_hops: 1 },
    )
    assert.equal(exit_code, 1)
    assert.deepEqual(JSON.parse(stdout).outside, { error: 'no endpoint is known' })
  })
})

describe('mesh.reconnect', () => {
  it('waits until every peer has answered, and names those that have not', async () => {
    const clock = createFakeClock()
    const web = aPeer('n_web', 2)
    let reconnects = 0
    const base = await fakeNode([db, web]).peers()
    const node = fakeNode([db, web], {
      clock,
      async reconnect() {
        reconnects++
      },
      peers: async () =>
        base.map((peer) => ({
          ...peer,
          endpoint: '203.0.113.7:51820',
          last_handshake_at: peer.id === 'n_db' ? new Date(clock.now()).toISOString() : null,
        })),
    })
    const { stdout, exit_code } = await runFor(10_000, node, 'mesh.reconnect')
    assert.equal(exit_code, 0)
    assert.equal(reconnects, 1)
    assert.partialDeepStrictEqual(JSON.parse(stdout), {
      peers: 2,
      answered: 1,
      silent: [{ id: 'n_web', state: 'missing' }],
    })
  })
})

describe('logs.snapshot', () => {
  const lines = Array.from({ length: 4_000 }, (_, at) => `line ${at} ${'x'.repeat(50)}`)
  it('shows the newest lines that fit, and says how many do not', async () => {
    const node = fakeNode([], { readLog: async () => ({ source: 'a log', lines }) })
    const { stdout, stderr } = await run('logs.snapshot', { lines: 4_000 }, node)
    assert.ok(Buffer.byteLength(stdout) <= 64 * 1024)
    assert.ok(stdout.endsWith(`${lines.at(-1)}\n`))
    const shown = stdout.trimEnd().split('\n').length
    assert.equal(
      stderr,
      `${shown} lines of a log; ${4_000 - shown} older ones do not fit into the output\n`,
    )
  })

  it('understands since when', async () => {
    const asked: unknown[] = []
    const node = fakeNode([], {
      readLog: async ({ sinceMs }) => {
        asked.push(sinceMs)
        return { source: '', lines: [] }
      },
    })
    const nowMs = node.clock.now()
    for (const since of ['1h30m', '10s', '2025-01-01T00:00:00Z', '2025-01-01T01:00:00.5+01:00'])
      await run('logs.snapshot', { since }, node)
    assert.deepEqual(asked, [
      nowMs - 5_400_000,
      nowMs - 10_000,
      Date.UTC(2025, 0, 1),
      Date.UTC(2025, 0, 1) + 500,
    ])
    for (const since of ['yesterday', '-1h', '10', '1970'])
      await assert.rejects(run('logs.snapshot', { since }, node), /since ".*": want how long ago/)
    await assert.rejects(run('logs.snapshot', { since: '2025-99-01T00:00:00Z' }, node), /no such/)
  })
})

describe('diagnostics.collect', () => {
  it('has each section, within the size of an output', async () => {
    const many = Array.from({ length: 5_000 }, (_, at) => aPeer(`n_${at}`))
    const node = fakeNode(many, { clock: createFakeClock() })
    for (const include_processes of [true, false]) {
      const { stdout } = await run('diagnostics.collect', { include_processes }, node)
      assert.ok(Buffer.byteLength(stdout) <= 64 * 1024, String(Buffer.byteLength(stdout)))
      const sections = JSON.parse(stdout)
      for (const name of ['status', 'system', 'config', 'disk', 'memory', 'routes', 'log'])
        assert.ok(name in sections, name)
      assert.ok(sections.peers.at(-1).left_out > 0)
      assert.equal('processes' in sections, include_processes)
    }
    const { stdout } = await run('diagnostics.collect', { include_network: 'false' }, node)
    assert.equal('routes' in JSON.parse(stdout), false)
  })

  it('goes on without a section that fails', async () => {
    const peers = () => Promise.reject(new Error('the interface does not answer'))
    const { exit_code, stdout } = await run('diagnostics.collect', {}, fakeNode([], { peers }))
    assert.equal(exit_code, 0)
    assert.deepEqual(JSON.parse(stdout).peers, { error: 'the interface does not answer' })
  })
})

describe('config.dump', () => {
  it('has every setting by its key, in the units of the file', async () => {
    const { settings } = JSON.parse((await run('config.dump')).stdout)
    assert.deepEqual(
      Object.keys(settings),
      settingRows.map(([, { keys }]) => keys[0]),
    )
    assert.equal(settings['heartbeat.interval'], '30s')
    assert.equal(settings['mesh.listen_port'], 51_820)
  })

  it('shows the values of labels to who asks, and secrets to nobody', async () => {
    const node = fakeNode()
    const config = { ...node.config, tokenValue: 'letmein', nodeMetadata: { team: 'blue' } }
    for (const redacted of [true, false]) {
      const { stdout } = await run('config.dump', { redacted }, { ...node, config })
      const { settings } = JSON.parse(stdout)
      assert.deepEqual(settings.metadata, { team: redacted ? '[redacted]' : 'blue' })
      assert.equal(settings['token.value'], '[redacted]')
      assert.doesNotMatch(stdout, /letmein/)
    }
  })
})

describe('service.upgrade', () => {
  it('says in its description why it cannot succeed on this node', () => {
    const describedOn = (node: NodeFacts) =>
      builtinActions(node).find(({ name }) => name === 'service.upgrade')?.description ?? ''
    const can = describedOn(fakeNode())
    const cannot = describedOn(fakeNode([], { cannotUpgrade: 'no single file' }))
    assert.equal(cannot, `${can}. Not on this node: no single file`)
  })
})

describe('service.restart and service.reload_config', () => {
  it('ask the daemon', async () => {
    let restarts = 0
    const report = {
      changed: ['log_level'],
      needs_restart: ['mesh.listen_port'],
      unknown: ['lok'],
      ignored: [],
    }
    const node = fakeNode([], { restart: () => restarts++, reload: async () => report })
    assert.equal((await run('service.restart', {}, node)).exit_code, 0)
    assert.deepEqual(JSON.parse((await run('service.reload_config', {}, node)).stdout), report)
    assert.equal(restarts, 1)
  })

  it('pass on why it cannot', async () => {
    const reload = () => Promise.reject(new Error('config "x": mesh.listen_port: "a": want'))
    const restart = () => {
      throw new Error('the daemon is still starting')
    }
    const node = fakeNode([], { reload, restart })
    await assert.rejects(run('service.reload_config', {}, node), /mesh.listen_port/)
    await assert.rejects(run('service.restart', {}, node), /still starting/)
  })
})

/** What could be pasted into any setting, log line or state by mistake. */
const planted = 'plx_enroll_abcdefghjkmnpqrs'
const known = 'S3cret"with\\quotes and spaces'

describe('a secret', () => {
  it('in any setting is in no output', async () => {
    for (const [name, { default: preset }] of settingRows) {
      for (const secret of [planted, `https://user:${known}@host`, known]) {
        const value = typeof preset === 'object' ? { label: secret } : secret
        const config = Object.assign({ ...fakeNode().config }, { [name]: value })
        await hides({ config, status: () => aStatus({ problems: [`"${secret}" is wrong`] }) })
      }
    }
  })

  it('in the log, the state or an error is in no output', async () => {
    for (const secret of [planted, known]) {
      const line = JSON.stringify({ msg: `looked for ${secret}`, error: secret })
      await hides({
        readLog: async () => ({ source: secret, lines: [line, secret] }),
        peers: () => Promise.reject(new Error(`read ${secret}`)),
        reload: () => Promise.reject(new Error(`token: "${secret}"`)),
      })
    }
  })

  async function hides(changes: Partial<NodeFacts>): Promise<void> {
    const node = fakeNode([db], { ...changes, secrets: () => [known] })
    for (const [name, parameters] of [
      ['config.dump', { redacted: 'false' }],
      ['diagnostics.collect', { include_network: 'false' }],
      ['health.check', {}],
      ['logs.snapshot', {}],
      ['service.reload_config', {}],
    ] as const) {
      const { stdout, stderr } = await run(name, parameters, node).catch((error: Error) => ({
        stdout: '',
        stderr: error.message,
      }))
      for (const secret of [planted, known, JSON.stringify(known).slice(1, -1)])
        assert.ok(!`${stdout}${stderr}`.includes(secret), `${name}: ${secret}`)
    }
  }
})
