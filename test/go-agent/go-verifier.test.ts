import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createGoVerifier } from './go-verifier.ts'

/** Wire contract 3.4: all three were verified by the Go agent itself. */
const publicKey = 'A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg='
const golden: [text: string, signature: string][] = [
  [
    '{"event_type":"rotate_keys","event_id":"evt_1","issued_at":"2025-01-15T10:30:00Z","nonce":"n-1","payload":{}}',
    '58bMO1eyKOI5Bl9RrTH+6btFVcf+s/Jp4697mWfqPXwfQiqDpVhATyXWmPCqMb9pFFZUAbidsS9gk9GtsJypCg==',
  ],
  [
    '{"event_type":"peer_removed","event_id":"evt_2","issued_at":"2025-01-15T10:30:00.123Z","nonce":"n-2","payload":{"id":"n_\\u003ca\\u003e\\u0026b","peer_id":"é\\u2028"}}',
    'yadV59Lmo6eXo4TSBbo2H03StBg2hXU21iW375vxss4DFa5cQLkkYqQ7rPsUQsB3SemuiOpnJ01+hYRh0NlLDQ==',
  ],
  [
    '{"event_type":"node_state_updated","event_id":"evt_3","issued_at":"2025-01-15T12:30:00.5+02:00","nonce":"n/3","payload":{"metadata":{"10":"x","2":"y"},"data":[{"v":1.50e2,"n":12345678901234567890}]}}',
    'TWh+/5udMoTtsY1qWeWYmN4qMdD0owmyzmZGq3Bsv+6oR/8/yPQyKNfSxpn+ziw4nBHJ61csJSAzlSi31eQWDQ==',
  ],
]
const nowMs = Date.parse('2025-01-15T10:31:00Z')
const sent = (text: string, signature: string): string =>
  `${text.slice(0, -1)},"signature":"${signature}"}`

describe('the scripted Go verifier', () => {
  it('takes what the Go agent takes', () => {
    const verifier = createGoVerifier({ current: publicKey })
    for (const [text, signature] of golden) verifier.verify(sent(text, signature), nowMs)
  })

  it('refuses a changed payload, a nonce that was seen, and what is stale', () => {
    const [[text, signature] = ['', '']] = golden
    const refused = (data: string, atMs: number): string => {
      const verifier = createGoVerifier({ current: publicKey })
      try {
        verifier.verify(data, atMs)
        verifier.verify(data, atMs)
      } catch (error) {
        return (error as Error).message // nothing else is thrown there
      }
      return ''
    }
    assert.equal(refused(sent(text.replace('{}}', '[]}'), signature), nowMs), 'bad signature')
    assert.equal(refused(sent(text, signature), nowMs), 'replayed nonce')
    assert.equal(refused(sent(text, signature), nowMs + 6 * 60_000), 'stale')
  })
})
