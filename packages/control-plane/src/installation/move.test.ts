import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Heeded } from '@plexd/protocol'
import { aNode } from '../testing/node-record.ts'
import { progressOf, readUrls, urlWarnings } from './move.ts'

describe('the addresses of a move', () => {
  it('are told each once, without a slash at their end', () => {
    const given = ['https://a.example.com/', 'https://a.example.com', 'https://b.example.com:8443']
    assert.deepEqual(readUrls(given), ['https://a.example.com', 'https://b.example.com:8443'])
  })

  for (const text of ['http://a', '', 'https://a/path', 'https://a\nb'])
    it(`are refused where one is ${JSON.stringify(text)}`, () => {
      assert.throws(() => readUrls(['https://a', text]), { status: 400, message: /want https:/ })
    })

  it('may be a mistake where they lead to this machine', () => {
    assert.equal(urlWarnings(['https://a.example.com', 'https://127.0.0.1:8443']).length, 1)
  })
})

describe('progressOf', () => {
  const [old, next] = ['https://old', 'https://new']
  const announced = { sequence: 7, urls: [next], nowMs: 10 }
  const told: Heeded = { url: old, announcement: 7, authorities: [], problem: '' }
  const nodes = [
    aNode(1),
    aNode(2),
    aNode(3, { status: 'offline' }),
    aNode(4, { is_go: true }),
    aNode(5),
    aNode(6),
    aNode(7),
  ]
  const heeded: Record<string, Heeded> = {
    n_1: told,
    n_2: { ...told, url: next },
    n_5: { ...told, announcement: 6 },
    n_7: { ...told, announcement: 8 },
    n_6: { ...told, problem: 'the settings name the address' },
  }

  it('counts those that know and those that are there, and names those that will not follow', () => {
    const { told, there, behind } = progressOf(nodes, announced, (id) => heeded[id])
    assert.deepEqual([told, there], [3, 1])
    assert.deepEqual(
      behind.map(({ node_id, reason }) => [node_id, reason]),
      [
        ['n_3', 'it is offline'],
        ['n_4', 'it runs the Go agent, which cannot be told: change its settings'],
        ['n_5', 'it has not said that it knows'],
        ['n_6', 'the settings name the address'],
        [
          'n_7',
          'it heeds announcement 8, which is later than the last one here, 7, as after a restore of an older backup: within the hour it is told anew',
        ],
      ],
    )
  })
})
