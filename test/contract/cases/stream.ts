import assert from 'node:assert/strict'
import { type ContractCase, rawAnswerOf } from '../contract-case.ts'

export const openEventsCases: ContractCase[] = [
  {
    status: 200,
    when: 'with a stream that no proxy keeps back',
    answer: async ({ web }) => rawAnswerOf(await web.stream()),
    check({ headers }) {
      assert.match(headers['content-type'] ?? '', /^text\/event-stream/)
      assert.match(headers['cache-control'] ?? '', /no-cache/)
      assert.match(headers['cache-control'] ?? '', /no-transform/)
      assert.equal(headers['x-accel-buffering'], 'no')
    },
  },
  {
    status: 401,
    when: 'for a node that was removed',
    error: 'unauthorized',
    async answer({ system }) {
      const node = await system.enrol('stream-removed')
      await system.admin.removeNode({ params: { node: node.node_id } })
      return rawAnswerOf(await node.stream())
    },
  },
]
