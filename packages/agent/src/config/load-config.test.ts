import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { CliError, type Log, silentLog } from '@plexd/runtime'
import { makeFolder } from '../testing/node.ts'
import { type AgentConfig, defaultConfig, type Settings } from './agent-config.ts'
import { loadConfig } from './load-config.ts'
import { placesOf, urlsOf } from './places.ts'

const everySetting: Partial<AgentConfig> = {
  apiUrl: 'https://cp.example.com',
  dataDir: '/srv/plexd',
  mode: 'bridge',
  logLevel: 'debug',
  tokenFile: '/etc/token',
  tokenEnv: 'MY_TOKEN',
  tokenFromMetadata: true,
  hostname: 'web-01',
  nodeMetadata: { rack: 'r7', row: '3' },
  heartbeatMs: 10_000,
  reconcileMs: 90_000,
  socketPath: '/run/p.sock',
  httpEnabled: true,
  httpListen: '127.0.0.1:9200',
  httpTokenFile: '/etc/api-token',
  maxConcurrentActions: 2,
  meshInterface: 'wg7',
  meshPort: 51_900,
}

const forms = {
  README: `
    api: https://cp.example.com/
    data_dir: /srv/plexd
    mode: bridge
    log_level: debug
    hostname: web-01
    metadata: { rack: r7, row: 3 }
    token: { file: /etc/token, env: MY_TOKEN, metadata: true }
    heartbeat: { interval: 10s }
    reconcile: { interval: 1m30s }
    node_api: { enabled: true, socket: /run/p.sock, http: { enabled: true, listen: "127.0.0.1:9200", token_file: /etc/api-token } }
    actions: { enabled: true, max_concurrent: 2 }
    mesh: { interface: wg7, listen_port: 51900 }
    hooks: { definitions: [] }
    nat_traversal: { enabled: true, stun_servers: [a, b] }
    observe: { metrics: { interval: 15s } }
    logs: {}
    audit: { enabled: true }
    access: { ssh: true }
    policy: { default: deny, log_denied: true }
    bridge: { enabled: false }`,
  'Go agent': `
    api: { baseurl: https://cp.example.com, connecttimeout: 10s, requesttimeout: 30s }
    data_dir: /srv/plexd
    mode: bridge
    log_level: debug
    registration: { datadir: x, tokenfile: /etc/token, tokenenv: MY_TOKEN, usemetadata: true, hostname: web-01, metadata: { rack: r7, row: "3" } }
    heartbeat: { nodeid: x, interval: 10s }
    reconcile: { interval: 90s }
    node_api: { datadir: x, socketpath: /run/p.sock, httpenabled: true, httplisten: "127.0.0.1:9200", httptokenfile: /etc/api-token }
    actions: { enabled: true, maxconcurrent: 2 }
    wireguard: { interfacename: wg7, listenport: 51900 }
    nat: { enabled: true }
    metrics: { collectinterval: 15s }
    log_fwd: { batchsize: 100 }
    tunnel: { maxsessions: 10 }`,
  'Go agent with underscores, as its templates write it': `
    api: { base_url: https://cp.example.com }
    data_dir: /srv/plexd
    mode: bridge
    log_level: debug
    registration: { token_file: /etc/token, token_env: MY_TOKEN, use_metadata: true, hostname: web-01, metadata: { rack: r7, row: "3" } }
    heartbeat: { interval: 10s }
    reconcile: { interval: 90s }
    node_api: { socket_path: /run/p.sock, http_enabled: true, http_listen: "127.0.0.1:9200", http_token_file: /etc/api-token }
    actions: { max_concurrent: 2 }
    wireguard: { interface_name: wg7, listen_port: 51900 }`,
  installer: `
    api_url: https://cp.example.com
    data_dir: /srv/plexd
    mode: bridge
    log_level: debug
    hostname: web-01
    metadata: { rack: r7, row: 3 }
    token_file: /etc/token
    token_env: MY_TOKEN
    use_metadata: true
    heartbeat_interval: 10s
    reconcile_interval: 90s
    socket_path: /run/p.sock
    node_api: { http: { enabled: true, listen: "127.0.0.1:9200", token_file: /etc/api-token } }
    actions: { max_concurrent: 2 }
    mesh: { interface: wg7, listen_port: 51900 }`,
}

describe('config forms', () => {
  for (const [name, text] of Object.entries(forms)) {
    it(`reads every setting of the form of the ${name}`, async () => {
      const { config, warnings } = await load(text)
      assert.partialDeepStrictEqual(config, everySetting)
      assert.deepEqual(warnings, [])
    })
  }

  it('reads the smallest file that the Go agent starts with', async () => {
    const { config, warnings } = await load(`
      api: { baseurl: "http://127.0.0.1:8080", insecurehttp: true }
      data_dir: /tmp/x
      registration: { datadir: x, tokenfile: /tmp/x-token }
      node_api: { datadir: x, socketpath: /tmp/x.sock }
      heartbeat: { nodeid: x }`)
    assert.equal(config.apiUrl, 'http://127.0.0.1:8080')
    assert.equal(config.dataDir, '/tmp/x')
    assert.deepEqual(warnings, [])
  })

  it('takes empty values for not set', async () => {
    const { config } = await load('api: https://a\nhostname: ""\nlog_level:\n', {
      env: { PLEXD_API: '' },
    })
    assert.equal(config.apiUrl, 'https://a')
    assert.equal(config.logLevel, defaultConfig.logLevel)
    assert.notEqual(config.hostname, '')
  })
})

describe('the addresses of the control plane', () => {
  const two = 'https://a,https://b:8443'

  it('are one or several, in each form', async () => {
    for (const text of [
      'api: https://a',
      'api: [https://a/, "https://b:8443"]',
      'api: "https://a, https://b:8443,"',
      'api: { baseurl: [https://a, https://b:8443, https://a/] }',
      'api_url: "https://a,https://b:8443"',
    ]) {
      const { config } = await load(text)
      assert.equal(urlsOf(config), text.includes('8443') ? two : 'https://a', text)
      assert.equal(config.apiUrl, 'https://a')
    }
    assert.equal(urlsOf((await load('', { env: { PLEXD_API: two } })).config), two)
    assert.equal(urlsOf((await load('', { flags: { apiUrl: two } })).config), two)
  })

  it('have each the proxy that the environment says', async () => {
    const env = { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: 'b' }
    const { config } = await load('api: [https://a, https://b]', { env })
    assert.deepEqual(
      placesOf(config).map(({ proxyUrl }) => proxyUrl !== undefined),
      [true, false],
    )
  })

  it('are refused if one of them is wrong, or if they are too many', async () => {
    await assert.rejects(load('api: [https://a, ftp://b]'), /URL "ftp:\/\/b": want https/)
    await assert.rejects(load('api: [https://a, 7]'), /want a text/)
    const many = Array.from({ length: 9 }, (_, number) => `https://cp${number}`)
    await assert.rejects(load(`api: [${many}]`), /9 addresses, want 8 at most/)
  })
})

describe('loadConfig', () => {
  it('names unknown keys, and the known one that was meant', async () => {
    const { config, warnings } = await load(
      'api: https://a\ncolour: blue\nhearbeat_interval: 5s\nnode_api: { sokcet: x, deep: { er: 1 } }',
    )
    assert.deepEqual(
      warnings.map(({ key, did_you_mean }) => [key, did_you_mean]),
      [
        ['colour', undefined],
        ['hearbeat_interval', 'heartbeat_interval'],
        ['node_api.sokcet', 'node_api.socket'],
        ['node_api.deep.er', undefined],
      ],
    )
    assert.deepEqual(
      config.unknownKeys,
      warnings.map(({ key }) => key),
    )
  })

  it('hides nothing that is mistyped in a section where anything means something', async () => {
    const typos = {
      'mesh.interfce': 'mesh.interface',
      'actions.max_concurent': 'actions.max_concurrent',
      'nat_traversal.stun_server': 'nat_traversal.stun_servers',
      'policy.defualt': 'policy.default',
      'wireguard.listenprot': 'wireguard.listenport',
      'nat.enable': 'nat.enabled',
      'node_api.http.lisen': 'node_api.http.listen',
      'token.fiel': 'token.file',
      'mesh.colour': undefined,
    }
    for (const [path, meant] of Object.entries(typos)) {
      const text = path.split('.').reduceRight<unknown>((value, name) => ({ [name]: value }), 1)
      const { warnings } = await load(JSON.stringify(text))
      assert.deepEqual(
        warnings.map(({ key, did_you_mean }) => [key, did_you_mean]),
        [[path, meant]],
      )
    }
  })

  it('names what stands in a section where a value belongs', async () => {
    const { warnings } = await load('data_dir: { a: 1 }')
    assert.deepEqual(
      warnings.map(({ key }) => key),
      ['data_dir.a'],
    )
  })

  it('takes limits by name, and names those that there are', async () => {
    const { config } = await load('api: https://a\nlimits: { local_connections_per_user: 20 }')
    assert.equal(config.limits.local_connections_per_user, 20)
    assert.equal(config.limits.local_connections, 1_024)
    await assert.rejects(
      load('limits: { many: 1 }'),
      /limits: .*there is no limit "many": there are/,
    )
    await assert.rejects(
      load('limits: { local_connections: 0 }'),
      /want a whole number from 1 to 1000000000/,
    )
  })

  it('puts flags over the environment over the file over the defaults', async () => {
    const { config } = await load(
      'api: https://file\ndata_dir: /file\nhostname: file\nlog_level: warn',
      {
        env: { PLEXD_API: 'https://env', PLEXD_DATA_DIR: '/env' },
        flags: { apiUrl: 'https://flag' },
      },
    )
    assert.partialDeepStrictEqual(config, {
      apiUrl: 'https://flag',
      dataDir: '/env',
      hostname: 'file',
      logLevel: 'warn',
      heartbeatMs: 30_000,
    })
  })

  it('reads every variable', async () => {
    const { config } = await load('', {
      env: {
        PLEXD_API: 'https://cp',
        PLEXD_CA_FILE: '/ca',
        PLEXD_DATA_DIR: '/d',
        PLEXD_HOSTNAME: 'h',
        PLEXD_MODE: 'bridge',
        PLEXD_LOG_LEVEL: 'error',
        PLEXD_BOOTSTRAP_TOKEN_FILE: '/t',
        PLEXD_ACTIONS_ENABLED: 'F',
        PLEXD_ACTIONS_MAX_CONCURRENT: '9',
        PLEXD_NODE_API_ENABLED: '0',
        PLEXD_NODE_API_SOCKET: '/s',
        PLEXD_NODE_API_HTTP_ENABLED: 'true',
        PLEXD_NODE_API_HTTP_LISTEN: '127.0.0.1:1',
      },
    })
    assert.partialDeepStrictEqual(config, {
      apiUrl: 'https://cp',
      caFile: '/ca',
      dataDir: '/d',
      hostname: 'h',
      mode: 'bridge',
      logLevel: 'error',
      tokenFile: '/t',
      actionsEnabled: false,
      maxConcurrentActions: 9,
      socketEnabled: false,
      socketPath: '/s',
      httpEnabled: true,
      httpListen: '127.0.0.1:1',
    })
  })

  it('lets a named token file beat a token that stands farther away', async () => {
    const file = 'api: https://a\ntoken: { value: from-file }'
    assert.equal((await load(file)).config.tokenValue, 'from-file')
    const { config } = await load(file, { flags: { tokenFile: '/given' } })
    assert.deepEqual([config.tokenFile, config.tokenValue], ['/given', undefined])
  })

  it('takes credentials of systemd that are there, unless another file is named', async () => {
    await using folder = await makeFolder()
    const inFolder = (name: string): string => join(folder.path, name)
    for (const name of ['plexd.join', 'plexd.token', 'plexd.http-token'])
      await writeFile(inFolder(name), 'x')
    const env = { CREDENTIALS_DIRECTORY: folder.path }
    const files = { joinFile: inFolder('plexd.join'), tokenFile: inFolder('plexd.token') }
    assert.partialDeepStrictEqual((await load('', { env })).config, {
      ...files,
      httpTokenFile: inFolder('plexd.http-token'),
      credentialsDir: folder.path,
    })
    const { config } = await load('token_file: /t\nnode_api: { http: { token_file: /h } }', {
      env,
      flags: { joinFile: '/j' },
    })
    assert.partialDeepStrictEqual(config, { joinFile: '/j', tokenFile: '/t', httpTokenFile: '/h' })
    await mkdir(inFolder('none'))
    const without = await load('', { env: { CREDENTIALS_DIRECTORY: inFolder('none') } })
    assert.equal(without.config.joinFile, defaultConfig.joinFile)
  })

  it('refuses a file that is named and not there: its settings would be missing without a word', async () => {
    await using folder = await makeFolder()
    const file = join(folder.path, 'none.yaml')
    for (const source of [
      { file, env: {} },
      { file: undefined, env: { PLEXD_CONFIG: file } },
    ])
      await assert.rejects(
        loadConfig({ flags: { apiUrl: 'https://a' }, ...source, log: recordingLog().log }),
        /^CliError: read config ".*none\.yaml": there is no such file/,
      )
  })

  const errors: [name: string, text: string, message: RegExp][] = [
    [
      'a duration without an end',
      'heartbeat: { interval: 9000h }',
      /heartbeat\.interval: "9000h": want at most 720h/,
    ],
    ['a long silence', 'actions: { max_timeout: 48h }', /"48h": want at most 24h/],
    [
      'a duration without a unit',
      'reconcile: { interval: 60 }',
      /config ".*": reconcile\.interval: 60: want a number and a unit/,
    ],
    [
      'a duration that is too short',
      'heartbeat: { interval: 10ms }',
      /heartbeat\.interval: "10ms": want at least 1s/,
    ],
    ['a wrong type', 'node_api: { socket: 5 }', /node_api\.socket: 5: want a text/],
    [
      'a password that the status would show',
      'observe: { scrape: "http://user:s3cret@h/metrics" }',
      /observe\.scrape: .*: want an address without user and password/,
    ],
    [
      'a place without a path',
      'audit: { sources: [auditd] }',
      /audit\.sources: .*: want "netlink"/,
    ],
    ['a mode nobody knows', 'mode: router', /mode: "router": want "node" or "bridge"/],
    ['a log level nobody knows', 'log_level: loud', /log_level: "loud": want one of debug, info/],
    ['a port out of range', 'mesh: { listen_port: 70000 }', /want a whole number from 1 to 65535/],
    [
      'an interface name with a command in it',
      'mesh: { interface: "a b" }',
      /want 1 to 15 letters/,
    ],
    [
      'switched-off verification',
      'api: { tlsinsecureskipverify: true }',
      /not supported: name the CA/,
    ],
    ['broken YAML', 'api: [', /parse ".*"/],
    ['a list at the top', '- a', /want a mapping/],
  ]
  for (const [name, text, message] of errors) {
    it(`explains ${name}`, async () => {
      await assert.rejects(load(text), (error: unknown) => {
        assert.ok(error instanceof CliError)
        assert.match(error.message, message)
        return error.exitCode === 2
      })
    })
  }
})

describe('control plane URL', () => {
  const urls: [url: string, insecureHttp: boolean, result: string | RegExp][] = [
    ['https://cp.example.com', false, 'https://cp.example.com'],
    ['https://cp.example.com/', false, 'https://cp.example.com'],
    ['https://cp.example.com:8443/plexd/', false, 'https://cp.example.com:8443/plexd'],
    ['http://127.0.0.1:8080', true, 'http://127.0.0.1:8080'],
    ['http://localhost:8080', true, 'http://localhost:8080'],
    ['http://[::1]:8080', true, 'http://[::1]:8080'],
    ['http://127.0.0.1:8080', false, /add --insecure-http/],
    ['http://cp.example.com', true, /plain HTTP shows tokens to the network/],
    ['http://127.0.0.1.example.com', true, /plain HTTP shows tokens/],
    ['cp.example.com', false, /want https:\/\/HOST/],
    ['ftp://cp.example.com', false, /want https:\/\/HOST/],
    ['https://user:password@cp', false, /URL "https:\/\/\[redacted\]@cp": want no user/],
    ['https://:password@cp', false, /URL "https:\/\/\[redacted\]@cp": want no user/],
    ['https://cp?x=1', false, /want no user, query/],
  ]
  for (const [url, insecureHttp, result] of urls) {
    it(`${typeof result === 'string' ? 'takes' : 'refuses'} ${url}${insecureHttp ? ' with --insecure-http' : ''}`, async () => {
      const loading = load('', { flags: { apiUrl: url, insecureHttp } })
      if (typeof result === 'string') assert.equal((await loading).config.apiUrl, result)
      else await assert.rejects(loading, result)
    })
  }
})

async function load(
  text: string,
  { flags = {}, env = {} }: { flags?: Settings; env?: NodeJS.ProcessEnv } = {},
): Promise<{ config: AgentConfig; warnings: Record<string, unknown>[] }> {
  await using folder = await makeFolder()
  const file = join(folder.path, 'config.yaml')
  await writeFile(file, text)
  const { log, warnings } = recordingLog()
  return { config: await loadConfig({ flags, file, env, log }), warnings }
}

function recordingLog(): { log: Log; warnings: Record<string, unknown>[] } {
  const warnings: Record<string, unknown>[] = []
  return { log: { ...silentLog, warn: (_message, fields = {}) => warnings.push(fields) }, warnings }
}
