import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolveConfig } from './config.ts'
import { envSettings, type Given } from './settings.ts'

const resolve = (flags: Given, env: Given = {}, file: Given = {}) =>
  resolveConfig({ flags, env, file })

describe('resolveConfig', () => {
  it('has a default for everything', () => {
    const { dataDir, listen, insecureHttp, heartbeatIntervalMs, meshCidr, keyMaxAgeMs } = resolve(
      {},
    )
    assert.deepEqual(
      { dataDir, listen, insecureHttp, heartbeatIntervalMs, meshCidr, keyMaxAgeMs },
      {
        dataDir: '/var/lib/plexd-control-plane',
        listen: { host: '0.0.0.0', port: 8443 },
        insecureHttp: false,
        heartbeatIntervalMs: 30_000,
        meshCidr: undefined,
        keyMaxAgeMs: 180 * 24 * 3_600_000,
      },
    )
  })

  it('lets flags win over the environment, and that over the file', () => {
    const file = { data_dir: '/file', log_level: 'warn', mesh_cidr: '10.1.0.0/16' }
    const env = envSettings({ PLEXD_CP_DATA_DIR: '/env', PLEXD_CP_LOG_LEVEL: 'error' })
    const { dataDir, logLevel, meshCidr } = resolve({ data_dir: '/flag' }, env, file)
    assert.deepEqual(
      { dataDir, logLevel, meshCidr },
      {
        dataDir: '/flag',
        logLevel: 'error',
        meshCidr: '10.1.0.0/16',
      },
    )
  })

  it('takes limits from the file, and over them from options', () => {
    const file = { limits: { handshakes: 10 } }
    assert.equal(resolve({}, {}, {}).limits.handshakes, 64)
    assert.equal(resolve({}, {}, file).limits.handshakes, 10)
    assert.equal(resolve({ limit: ['handshakes=20'] }, {}, file).limits.handshakes, 20)
    assert.throws(() => resolve({ limit: ['many=1'] }), /read config: there is no limit "many"/)
    assert.throws(() => resolve({}, {}, { limits: 5 }), /"limits" wants a mapping/)
    assert.throws(() => resolve({}, {}, { limit: { handshakes: 3 } }), /write it as "limits"/)
  })

  it('reads addresses with and without brackets', () => {
    const listen = (text: string) => {
      const { host, port } = resolve({ listen: text }).listen
      return `${host} ${port}`
    }
    assert.equal(listen('127.0.0.1:0'), '127.0.0.1 0')
    assert.equal(listen('[::1]:8443'), '::1 8443')
    assert.equal(listen(':8443'), '0.0.0.0 8443')
    for (const text of ['127.0.0.1', '8443', '127.0.0.1:65536', '::1:8443'])
      assert.throws(() => listen(text), /want HOST:PORT/)
  })

  it('serves plain HTTP on loopback addresses only', () => {
    const http = (listen: string) => resolve({ listen, insecure_http: true }).insecureHttp
    for (const listen of ['127.0.0.1:0', '127.0.0.2:0', '[::1]:0', 'localhost:0'])
      assert.equal(http(listen), true)
    for (const listen of ['0.0.0.0:0', '[::]:0', '10.0.0.1:0', 'example.com:0', ':0'])
      assert.throws(() => http(listen), /is no loopback address/)
  })

  it('takes names for the certificate from each place', () => {
    const names = (given: Given) => resolve({}, {}, given).tlsNames
    assert.deepEqual(names({ tls_san: ['a.example', '10.0.0.1'] }), ['a.example', '10.0.0.1'])
    assert.deepEqual(names({ tls_san: 'a.example, 10.0.0.1' }), ['a.example', '10.0.0.1'])
    assert.deepEqual(names({ tls_san: 'cp_1,*.example,::1' }), ['cp_1', '*.example', '::1'])
    assert.deepEqual(names({}), [])
  })

  it('takes balancers and STUN servers from each place', () => {
    const of = (given: Given) => {
      const { proxyProtocolFrom, stunPublic } = resolve({}, {}, given)
      return [proxyProtocolFrom, stunPublic]
    }
    assert.deepEqual(of({}), [[], []])
    assert.deepEqual(
      of({
        proxy_protocol_from: ['10.0.0.0/24', '10.0.1.5', '2001:db8::/64'],
        stun_public: '203.0.113.5, cp2.example.com:3479,[2001:db8::5]',
      }),
      [
        ['10.0.0.0/24', '10.0.1.5/32', '2001:db8::/64'],
        ['203.0.113.5:3478', 'cp2.example.com:3479', '[2001:db8::5]:3478'],
      ],
    )
  })

  it('never renews keys when it is told 0', () => {
    assert.equal(resolve({ key_max_age: '0' }).keyMaxAgeMs, 0)
    assert.equal(resolve({ key_max_age: '720h' }).keyMaxAgeMs, 30 * 24 * 3_600_000)
  })

  it('names the setting that it cannot read', () => {
    for (const [given, error] of [
      [{ colour: 'red' }, /there is no setting "colour"/],
      [{ data_dri: 'x' }, /there is no setting "data_dri": did you mean "data_dir"\?/],
      [{ insecure_http: 'maybe' }, /"insecure_http" is "maybe": want true or false/],
      [{ mesh_cidr: '10.100.0.1/16' }, /parse CIDR "10\.100\.0\.1\/16"/],
      [{ mesh_cidr: '127.0.0.0/8' }, /overlaps 127\.0\.0\.0\/8, which is loopback: take a private/],
      [{ mesh_cidr: '224.0.0.0/8' }, /which is multicast/],
      [{ mesh_cidr: '10.0.0.0/31' }, /want a prefix length from 8 to 30/],
      [{ heartbeat_interval: '30' }, /heartbeat_interval "30": parse duration "30"/],
      [{ heartbeat_interval: '1ms' }, /heartbeat_interval "1ms": want at least 100ms/],
      [{ heartbeat_interval: '720h' }, /want at most 24h/],
      [{ key_max_age: '-1h' }, /key_max_age "-1h": want at least 1m, or 0 for never/],
      [{ log_level: 'loud' }, /log_level "loud"/],
      [{ public_url: 'plexd.example.com' }, /public_url "plexd\.example\.com": want a URL/],
      [{ data_dir: ['a'] }, /"data_dir" wants a text/],
      [{ backup_keep: '' }, /"backup_keep" is empty: give it a value, or leave it out/],
      [{ tls_cert: 'a.crt' }, /tls_cert "a\.crt": a certificate needs its key: give both/],
      [{ tls_key: 'a.key' }, /tls_key "a\.key": a certificate needs its key: give both/],
      [
        { tls_cert: 'a', tls_key: 'b', insecure_http: true, listen: '127.0.0.1:1' },
        /over plain HTTP no certificate is served: leave out --insecure-http/,
      ],
      [{ trusted_proxies: ['proxy.example.com'] }, /trusted_proxies "proxy.*": want an address/],
      [{ trusted_proxies: '10.0.0.0/33' }, /"10\.0\.0\.0\/33": want an address or a range/],
      [{ trusted_proxies: '0.0.0.0/0' }, /"0\.0\.0\.0\/0": that is everybody/],
      [{ trusted_proxies: '::/0' }, /that is everybody/],
      [{ proxy_protocol_from: ['lb.example.com'] }, /proxy_protocol_from "lb.*": want an address/],
      [{ proxy_protocol_from: '0.0.0.0/0' }, /proxy_protocol_from .*: that is everybody/],
      [{ stun_public: 'https://cp.example' }, /stun_public "https:.*": want a name or an address/],
      [{ stun_public: 'cp.example:0' }, /stun_public "cp\.example:0": want/],
      [{ stun_public: '[::g]:3478' }, /stun_public "\[::g\]:3478": want/],
      [{ stun_public: Array(17).fill('a') }, /stun_public has 17 servers: want 16 at most/],
      [{ tls_san: [1] }, /"tls_san" wants a list of texts/],
      [{ tls_san: ['https://cp.example'] }, /tls_san "https:\/\/cp\.example": want a name or/],
      [{ tls_san: 'cp.example:8443' }, /tls_san "cp\.example:8443"/],
    ] as const)
      assert.throws(() => resolve(given), error)
  })
})
