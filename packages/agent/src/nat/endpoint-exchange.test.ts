import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type EndpointReport, parseCidr } from '@plexd/protocol'
import { emptyDesiredState } from '../state/desired-state.ts'
import { createEndpointExchange } from './endpoint-exchange.ts'

it('an exchange of endpoints names none of ours at which nobody reaches us', async () => {
  const sent: EndpointReport[] = []
  const exchange = createEndpointExchange({
    client: {
      async putEndpoint({ body }) {
        sent.push(body)
        return { status: 200, headers: {}, body: { peer_endpoints: [] } }
      },
    },
    nodeId: 'n_web',
    desired: {
      current: () => emptyDesiredState,
      isMeshLost: () => false,
      replace: () => assert.fail('nothing is new'),
    } as never, // it asks for no more
    meshRange: () => parseCidr('10.100.0.0/16'),
    changes: {
      watch: () => ({ hasFolded: () => false, isOvertaken: () => false, [Symbol.dispose]() {} }),
    },
  })

  await exchange({
    public_endpoint: '10.100.0.1:51820',
    nat_type: 'none',
    nat_reason: '',
    stun_server: '',
    way: 'rewrite',
    way_reason: '',
    local_endpoints: ['192.168.1.2:51820', '10.100.7.1:51820', '127.0.0.1:51820'],
    checked_at: '',
  })

  assert.deepEqual(sent, [
    {
      public_endpoint: '',
      nat_type: 'none',
      local_endpoints: ['192.168.1.2:51820', '10.100.7.1:51820'],
    },
  ])
})
