import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startControlPlane } from '@plexd/control-plane/testing'
import { type Label, type MetricPoint, readFieldName } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { createApplicationMetrics } from './application-metrics.ts'
import { parseExposition } from './parse-exposition.ts'

const anything = fc.string({ maxLength: 12, unit: 'binary' })
const word = fc.oneof(
  fc.stringMatching(/^[A-Za-z_:][\w:]{0,9}$/),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'a.b', 'a-b', '9a', 'a b', ''),
  anything,
)
const written = fc
  .tuple(word, fc.array(fc.tuple(fc.oneof(fc.stringMatching(/^[a-z_]{1,4}$/), anything), anything)))
  .map(([name, labels]) => {
    const parts = labels.map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    return parts.length === 0 ? name : `${name}{${parts.join(', ')}}`
  })

describe('a name of a metric', () => {
  it('that the agent takes can be stored, listed, asked for and judged; from programs and from scrapes alike', async () => {
    const clock = createFakeClock()
    const seed = Math.trunc(Math.random() * 2 ** 31)
    const names = new Set(fc.sample(fc.oneof(written, word), { seed, numRuns: 150 }))
    const points: MetricPoint[] = []
    const take = createApplicationMetrics({
      append: async (taken) => points.push(...taken),
      valuesPerSecond: 1e6,
      clock,
    })
    for (const name of names) {
      const isTaken = await take({ points: [{ group: 'shop', data: { [name]: 1 } }] }, '1').then(
        () => true,
        () => false,
      )
      assert.equal(isTaken, !('fault' in readFieldName(name)), `${name} (seed ${seed})`)
    }
    const taken = new Set(points.flatMap(({ data }) => Object.keys(data)))
    assert.ok(taken.size > 10 && taken.size < names.size, `seed ${seed}: ${taken.size}`)

    // Scraped from a text of its own, it is the same name.
    const text = Array.from(taken, (name) => `${name} 1`).join('\n')
    const scraped = parseExposition(text, 1_000).samples.map(({ series }) => series)
    assert.deepEqual(new Set(scraped), taken, `seed ${seed}`)

    await using plane = await startControlPlane({ clock })
    const web = await plane.enrol('web')
    await web.api.sendMetrics({ params: web, body: Buffer.from(JSON.stringify(points)) })
    const [listed] = (await plane.admin.listProgramMetrics({ query: { node: 'web' } })).body.items
    const count = listed?.metrics.reduce((sum, { series }) => sum + series, 0)
    assert.equal(count, taken.size, `seed ${seed}`)
    for (const field of [...taken].slice(0, 12)) {
      const name = `shop.${field}`
      const { series } = (await plane.admin.queryMetrics({ query: { name, node: 'web' } })).body
      const read = readFieldName(field)
      const labels: readonly Label[] = 'fault' in read ? [] : read.labels
      const found = series.some((one) =>
        labels.every(([label, value]) => one.labels[label] === value),
      )
      // One value is no growth yet.
      if (!/_total(\{|$)/.test(field)) assert.ok(found, `${name} (seed ${seed})`)
      const { body } = await plane.admin.putAlertRule({
        params: { alert_rule: 'one' },
        body: { when: { metric: { name, above: 0 } }, severity: 'info' },
      })
      assert.equal(body.data?.sending, 1, `${name} (seed ${seed})`)
    }
  })
})
