import assert from 'node:assert/strict'
import { it } from 'node:test'
import { until } from '../testing/until.ts'
import { systemClock } from '../time/clock.ts'
import type { ServiceManager } from './service-manager.ts'
import { startServiceWatch } from './service-watch.ts'

it('is ready with the first answer, and alive only as long as it answers', async () => {
  const told: string[] = []
  const warnings: string[] = []
  let answer: (() => Promise<string>) | undefined
  const manager: ServiceManager = {
    isThere: true,
    watchdogMs: 40,
    isEnding: false,
    status: (words) => void told.push(words),
    ready: () => void told.push('ready'),
    alive: () => void told.push('alive'),
    reloading() {},
    extend() {},
    stopping() {},
    restarting() {},
  }
  using _watch = startServiceWatch({
    manager,
    probe: async () => (answer ?? fail)(),
    clock: systemClock,
    log: {
      warn: (message) => void warnings.push(message),
      info: (message) => void warnings.push(message),
    },
  })
  await new Promise(setImmediate)
  assert.deepEqual(told, [], 'it does not answer yet')

  answer = async () => 'all is well'
  await until('it is alive several times', () => told.filter((one) => one === 'alive').length > 2)
  assert.deepEqual(told.slice(0, 3), ['all is well', 'ready', 'alive'])
  assert.equal(told.filter((one) => one === 'ready').length, 1)

  answer = fail
  await until('it says that it is silent', () => told.at(-1) === 'does not answer: nothing')
  const silentAt = told.length
  await until('it was asked often', () => asked > 5)
  assert.equal(told.length, silentAt, 'no word that it is alive')
  assert.equal(warnings.length, 1)

  answer = async () => 'well again'
  await until('it is alive again', () => told.at(-1) === 'alive')
  assert.deepEqual(warnings.slice(1), ['answers again'])
})

let asked = 0
async function fail(): Promise<never> {
  asked++
  throw new Error('nothing')
}
