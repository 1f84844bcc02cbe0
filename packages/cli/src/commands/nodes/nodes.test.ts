import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { failure } from '../../testing/admin-server.ts'
import { startBench } from '../../testing/run.ts'
import { aNode, aPage } from '../../testing/samples.ts'

describe('node list', () => {
  it('prints a table with the age of the last heartbeat', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes?limit=500': aPage([
        aNode(),
        aNode({
          id: 'n_db',
          hostname: 'db-01',
          status: 'pending',
          endpoint: '',
          last_seen_at: null,
        }),
      ]),
    })

    const { stdout } = await bench.run(['node', 'list'])

    assert.equal(
      stdout,
      [
        'HOSTNAME  ID     STATUS   MESH IP     ENDPOINT            VERSION  KEY AGE  SEEN  LABELS',
        'web-01    n_web  online   10.100.1.2  203.0.113.10:51820  1.4.2    14d      5m    env=prod',
        'db-01     n_db   pending  10.100.1.2  -                   1.4.2    14d      -     env=prod',
        '',
      ].join('\n'),
    )
  })

  it('shows no node as online alone on which something does not work, and says for how long it has said so', async () => {
    const problems = ['no event stream for 6 min, polling instead', 'left out: data entry ""']
    const problems_said_at = aNode().key_changed_at
    const node = aNode({ problems, problems_said_at })
    await using bench = await startBench({
      'GET /admin/v1/nodes?limit=500': aPage([node]),
      'GET /admin/v1/nodes/web-01': node,
    })

    const { stdout } = await bench.run(['node', 'list'])

    assert.match(stdout, /^web-01 \(!\) +n_web +online, 2 problems /m)
    assert.match(stdout, /\n\(!\) web-01 has said for 14d: left out: data entry ""\n$/)
    const shown = await bench.run(['node', 'show', 'web-01'])
    assert.match(
      shown.stdout,
      /^problems: +has said for 14d: no event stream for 6 min, polling inst/m,
    )
  })

  it('does not say that it is still so of a node that is away', async () => {
    const node = aNode({
      status: 'offline',
      problems: ['the disk is full'],
      problems_said_at: aNode().key_changed_at,
      no_room: ['no room for data entry "k"'],
    })
    await using bench = await startBench({
      'GET /admin/v1/nodes?limit=500': aPage([node, aNode({ status: 'offline' })]),
    })

    const { stdout } = await bench.run(['node', 'list'])

    assert.match(stdout, /offline, 1 problem, last said 1 problem /)
    assert.match(stdout, /^web-01 +n_web +offline +10/m)
    assert.match(
      stdout,
      /\(!\) web-01: no room for data entry "k"\n\(!\) web-01 last said 5m ago: the disk/,
    )
  })

  it('marks a node whose version the control plane does not serve, and says what to do', async () => {
    const version_trouble = 'plexd 1.4.2 is too old: upgrade the node'
    await using bench = await startBench({
      'GET /admin/v1/nodes?limit=500': aPage([aNode({ version_trouble })]),
    })
    const { stdout } = await bench.run(['node', 'list'])
    assert.match(stdout, /^web-01 \(!\) /m)
    assert.match(stdout, /^\(!\) web-01: plexd 1\.4\.2 is too old: upgrade the node$/m)
  })

  it('marks the nodes that have to be renamed', async () => {
    const hostname_trouble = '"Web-01" is also the name of n_db'
    await using bench = await startBench({
      'GET /admin/v1/nodes?limit=500': aPage([aNode({ hostname: 'Web-01', hostname_trouble })]),
    })

    const { stdout } = await bench.run(['node', 'list'])

    assert.match(stdout, /^Web-01 \(!\) /m)
    assert.match(
      stdout,
      /\n\(!\) "Web-01" is also the name of n_db: plexctl node rename n_web HOSTNAME\n$/,
    )
  })

  it('marks the nodes whose identity two machines have, and says where they are and what to do', async () => {
    const identity_in_use = {
      since: '2025-01-15T10:30:00Z',
      addresses: ['203.0.113.1', '203.0.113.9'],
    }
    await using bench = await startBench({
      'GET /admin/v1/nodes?limit=500': aPage([aNode({ identity_in_use })]),
    })
    const { stdout } = await bench.run(['node', 'list'])
    assert.match(stdout, /^web-01 \(!\) /m)
    assert.match(stdout, /identity of "web-01": seen from 203\.0\.113\.1 and 203\.0\.113\.9 since/)
    assert.match(stdout, /on the copy stop plexd, remove its data dir/)
  })

  it('follows the pages and prints one JSON array with the fields of the API', async () => {
    const [web, db] = [aNode(), aNode({ id: 'n_db' })]
    await using bench = await startBench({
      'GET /admin/v1/nodes?limit=500&selector=env%3Dprod': aPage([web], 'n_web'),
      'GET /admin/v1/nodes?limit=500&after=n_web&selector=env%3Dprod': aPage([db]),
    })

    const { stdout } = await bench.run(['node', 'list', '--selector', 'env=prod', '--json'])

    assert.deepEqual(JSON.parse(stdout), [web, db])
  })

  it('sends the admin token and says who asks', async () => {
    await using bench = await startBench({ 'GET /admin/v1/nodes?limit=500': aPage([]) })

    await bench.run(['node', 'list'])

    const { authorization, 'user-agent': agent } = bench.server.requests[0]?.headers ?? {}
    assert.equal(authorization, 'Bearer plx_admin_test')
    assert.match(agent ?? '', /^plexctl\/\d+\.\d+\.\d+$/)
  })

  it('keeps the escape sequences in a hostname off the terminal', async () => {
    const evil = aNode({ hostname: 'web\u001b]0;owned\u0007\u009b2J', labels: {} })
    await using bench = await startBench({ 'GET /admin/v1/nodes?limit=500': aPage([evil]) })

    const { stdout: table } = await bench.run(['node', 'list'])
    const { stdout: json } = await bench.run(['node', 'list', '--json'])

    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be printed
    const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/
    assert.match(table, /web\?\]0;owned\?\?2J/)
    assert.doesNotMatch(table, control)
    assert.doesNotMatch(json, control)
    assert.deepEqual(JSON.parse(json), [evil])
  })

  it('refuses a selector that it cannot read before it calls', async () => {
    await using bench = await startBench()

    await assert.rejects(
      bench.run(['node', 'list', '--selector', 'env=pro d']),
      /parse selector "env=pro d"/,
    )

    assert.deepEqual(bench.server.lines(), [])
  })

  it('stops at a page that leads to itself', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes?limit=500': aPage([aNode()], 'x'),
      'GET /admin/v1/nodes?limit=500&after=x': aPage([aNode()], 'x'),
    })

    await assert.rejects(bench.run(['node', 'list']), /page "x" leads to itself/)
  })
})

describe('node show', () => {
  it('prints what is known of a node by its hostname', async () => {
    const node = aNode({
      fetched_revision: 'r1',
      capabilities: { builtin_actions: [{ name: 'ping' }, { name: 'service.restart' }] },
      heartbeat: { status: 'healthy' },
    })
    await using bench = await startBench({ 'GET /admin/v1/nodes/web-01': node })

    const { stdout } = await bench.run(['node', 'show', 'web-01'])

    assert.match(stdout, /^id: {9}n_web$/m)
    assert.match(stdout, /^last seen: {2}2025-01-15T10:25:00Z \(5m ago\)$/m)
    assert.match(stdout, /^key age: {4}14d, since 2025-01-01T00:00:00Z$/m)
    assert.match(stdout, /^revision: {3}r2, the node has r1$/m)
    assert.match(stdout, /^actions: {4}ping service\.restart$/m)
    assert.match(stdout, /^heartbeat: {2}\{"status":"healthy"\}$/m)
    assert.doesNotMatch(stdout, /clock skew|hooks/)
  })

  it('prints the object of the API as JSON, and escapes an id in the path', async () => {
    await using bench = await startBench({ 'GET /admin/v1/nodes/a%2Fb': aNode() })

    const { stdout } = await bench.run(['node', 'show', 'a/b', '--json'])

    assert.deepEqual(JSON.parse(stdout), aNode())
  })

  it('passes on what the control plane says of an unknown node', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes/web-09': failure(404, 'node "web-09" not found'),
    })

    await assert.rejects(bench.run(['node', 'show', 'web-09']), {
      status: 404,
      message: 'node "web-09" not found',
    })
  })
})

describe('node rename', () => {
  it('says what the node is called now', async () => {
    const renamed = aNode({ hostname: 'web-02' })
    await using bench = await startBench({ 'PATCH /admin/v1/nodes/web-01': renamed })

    const { stdout } = await bench.run(['node', 'rename', 'web-01', 'Web-02'])

    assert.equal(stdout, 'n_web is "web-02" now\n')
    assert.deepEqual(bench.server.requests[0]?.body, { hostname: 'Web-02' })
  })
})

describe('node remove', () => {
  it('renews the PSKs of all others with --force, and says what is left to do', async () => {
    await using bench = await startBench({ 'DELETE /admin/v1/nodes/web-01?force=true': {} })

    const { stdout } = await bench.run(['node', 'remove', 'web-01', '--force', '--yes'])

    assert.match(
      stdout,
      /^removed "web-01": all other nodes get fresh PSKs .*; replace the secrets/,
    )
  })
})

describe('node rotate-keys', () => {
  it('asks for a new key', async () => {
    await using bench = await startBench({ 'POST /admin/v1/nodes/web-01/rotate-keys': {} })

    const { stdout } = await bench.run(['node', 'rotate-keys', 'web-01'])

    assert.equal(stdout, 'asked "web-01" to rotate its key\n')
  })
})

describe('node label', () => {
  const replies = {
    'PATCH /admin/v1/nodes/web-01/metadata': {
      ...aNode({ labels: { b: '2', a: '1' } }),
      warnings: [],
    },
  }

  it('sets labels, whose values may be empty or hold equals signs', async () => {
    await using bench = await startBench(replies)

    const { stdout } = await bench.run([
      'node',
      'label',
      'set',
      'web-01',
      'env=prod',
      'q=a=b',
      'none=',
    ])

    assert.deepEqual(bench.server.requests[0]?.body, { set: { env: 'prod', q: 'a=b', none: '' } })
    assert.equal(stdout, 'web-01: a=1,b=2\n')
  })

  it('removes labels', async () => {
    await using bench = await startBench(replies)

    const { stdout } = await bench.run([
      'node',
      'label',
      'unset',
      'web-01',
      'env',
      'region',
      '--json',
    ])

    assert.deepEqual(bench.server.requests[0]?.body, { remove: ['env', 'region'] })
    assert.equal(JSON.parse(stdout).id, 'n_web')
  })

  it('refuses a label without a value, and one without a name', async () => {
    await using bench = await startBench()

    await assert.rejects(
      bench.run(['node', 'label', 'set', 'web-01', 'env']),
      /Want key=value, not "env"/,
    )
    await assert.rejects(
      bench.run(['node', 'label', 'set', 'web-01', '=x']),
      /Want key=value, not "=x"/,
    )
  })

  it('goes by its former name too, and passes on what the control plane warns of', async () => {
    const warnings = ['label "team" is delivered \u202e']
    await using bench = await startBench({
      'PATCH /admin/v1/nodes/web-01/metadata': { ...aNode(), warnings },
    })

    const { stderr } = await bench.run(['node', 'metadata', 'set', 'web-01', 'team=Köln'])

    assert.equal(stderr, 'warning: label "team" is delivered ?\n')
  })

  it('lists what waits to be confirmed, and what would change without it', async () => {
    const change = { kind: 'policy', name: 'p', rule: 1, action: 'deny', selector: 'env=prod' }
    const label = { key: 'env', nodes: 7, hostnames: ['a', 'b'], values: ['prod'] }
    await using bench = await startBench({
      'GET /admin/v1/labels/unconfirmed?limit=500': aPage([
        { ...label, changes: [{ ...change, nodes: 7 }] },
        { ...label, key: 'rack', nodes: 2, changes: [] },
      ]),
    })

    const { stdout } = await bench.run(['node', 'label', 'unconfirmed'])

    assert.equal(
      stdout,
      [
        'KEY   VALUES  NODES           WITHOUT IT',
        'env   prod    a b and 5 more  deny of rule 1 of policy "p" (env=prod): 7 nodes',
        'rack  prod    a b             nothing changes',
        '',
      ].join('\n'),
    )
  })

  it('confirms all, or some, and drops only what is named', async () => {
    await using bench = await startBench({
      'POST /admin/v1/labels/confirm': [{ nodes: 3 }, { nodes: 2 }],
      'POST /admin/v1/labels/drop': { nodes: 1 },
    })

    const lines = [
      await bench.run(['node', 'label', 'confirm']),
      await bench.run(['node', 'label', 'confirm', 'env', 'rack']),
      await bench.run(['node', 'label', 'drop', 'os', '--yes']),
    ].map(({ stdout }) => stdout)

    assert.deepEqual(lines, [
      'confirmed all labels of 3 nodes\n',
      'confirmed env, rack of 2 nodes\n',
      'os of 1 nodes: reported from now on, no label any more\n',
    ])
    assert.deepEqual(
      bench.server.requests.map(({ body }) => body),
      [{}, { keys: ['env', 'rack'] }, { keys: ['os'] }],
    )
    await assert.rejects(bench.run(['node', 'label', 'drop']), /missing required argument/)
  })
})
