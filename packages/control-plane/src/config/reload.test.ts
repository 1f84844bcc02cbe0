import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolveConfig } from './config.ts'
import { reloadConfig } from './reload.ts'

const configOf = (file: Record<string, unknown>) => resolveConfig({ flags: {}, env: {}, file })

describe('reloadConfig', () => {
  it('takes what may change, and names what a restart has to change', () => {
    const running = configOf({ tls_san: ['a.example.com'] })
    const next = configOf({
      tls_san: ['b.example.com'],
      log_level: 'debug',
      listen: '127.0.0.1:9000',
      heartbeat_interval: '10s',
      stun_listen: 'off',
      limits: { handshakes: 3, policies: 7 },
    })
    const { config, needsRestart } = reloadConfig(running, next)
    const origins = { ...running.origins, log_level: 'config file' }
    assert.deepEqual(config, {
      ...{ ...running, origins },
      ...{ logLevel: 'debug', tlsNames: ['b.example.com'] },
    })
    assert.deepEqual(needsRestart.toSorted(), [
      'heartbeat_interval',
      'limits.handshakes',
      'limits.policies',
      'listen',
      'stun_listen',
    ])
  })

  it('finds nothing where nothing differs', () => {
    assert.deepEqual(reloadConfig(configOf({}), configOf({})).needsRestart, [])
  })
})
