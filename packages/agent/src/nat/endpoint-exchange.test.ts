import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type EndpointReport, type EndpointResponse, parseCidr } from '@plexd/protocol'
import { createProblems } from '../health/problems.ts'
import { emptyDesiredState } from '../state/desired-state.ts'
import { createEndpointExchange } from './endpoint-exchange.ts'
import type { DiscoveredEndpoint } from './rounds.ts'

const found: DiscoveredEndpoint = {
  public_endpoint: '10.100.0.1:51820',
  nat_type: 'none',
  nat_reason: '',
  stun_server: '',
  way: 'rewrite',
  way_reason: '',
  local_endpoints: ['192.168.1.2:51820', '10.100.7.1:51820', '127.0.0.1:51820'],
  checked_at: '',
}

/** With a control plane that answers so. */
function exchangeWith(answer: (body: EndpointReport) => Partial<EndpointResponse>) {
  const problems = createProblems()
  const exchange = createEndpointExchange({
    client: {
      async putEndpoint({ body }) {
        return { status: 200, headers: {}, body: { peer_endpoints: [], ...answer(body) } }
      },
    },
    problems,
    nodeId: 'n_web',
    desired: {
      current: () => emptyDesiredState,
      isMeshLost: () => false,
      replace: () => assert.fail('nothing is new'),
    } as never, // it asks for no more
    meshRanges: () => [parseCidr('10.100.0.0/16')],
    changes: {
      watch: () => ({ hasFolded: () => false, isOvertaken: () => false, [Symbol.dispose]() {} }),
    },
  })
  return { exchange, problems }
}

it('an exchange of endpoints names none of ours at which nobody reaches us', async () => {
  const sent: EndpointReport[] = []
  const { exchange } = exchangeWith((body) => {
    sent.push(body)
    return {}
  })

  await exchange(found)

  assert.deepEqual(sent, [
    {
      public_endpoint: '',
      nat_type: 'none',
      local_endpoints: ['192.168.1.2:51820', '10.100.7.1:51820'],
    },
  ])
})

it('an exchange of endpoints shows what the control plane does not take, for as long as it does not', async () => {
  let left_out: string[] | undefined = ['local_endpoints[0] "192.168.1.2:51820": it is odd']
  const { exchange, problems } = exchangeWith(() => (left_out ? { left_out } : {}))
  await exchange(found)
  assert.deepEqual(problems.list(), [`the control plane has not taken ${left_out[0]}`])
  left_out = undefined
  await exchange(found)
  assert.deepEqual(problems.list(), [])
})
