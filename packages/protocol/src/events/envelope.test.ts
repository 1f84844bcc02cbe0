import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  canonicalText,
  freshnessMs,
  importVerifyKey,
  issuedAt,
  parseEnvelope,
  refusalOf,
  signEvent,
} from './envelope.ts'

/** Wire contract, "Signed envelope and canonical bytes": the seed of the key is the bytes 00 to 1f. */
const goldenKey = 'A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg='

const golden = [
  {
    name: 'an empty payload',
    text: '{"event_type":"rotate_keys","event_id":"evt_1","issued_at":"2025-01-15T10:30:00Z","nonce":"n-1","payload":{}}',
    signature:
      '58bMO1eyKOI5Bl9RrTH+6btFVcf+s/Jp4697mWfqPXwfQiqDpVhATyXWmPCqMb9pFFZUAbidsS9gk9GtsJypCg==',
  },
  {
    name: 'characters that Go escapes',
    text: '{"event_type":"peer_removed","event_id":"evt_2","issued_at":"2025-01-15T10:30:00.123Z","nonce":"n-2","payload":{"id":"n_\\u003ca\\u003e\\u0026b","peer_id":"é\\u2028"}}',
    signature:
      'yadV59Lmo6eXo4TSBbo2H03StBg2hXU21iW375vxss4DFa5cQLkkYqQ7rPsUQsB3SemuiOpnJ01+hYRh0NlLDQ==',
  },
  {
    name: 'integer-like keys, number spellings and a zone',
    text: '{"event_type":"node_state_updated","event_id":"evt_3","issued_at":"2025-01-15T12:30:00.5+02:00","nonce":"n/3","payload":{"metadata":{"10":"x","2":"y"},"data":[{"v":1.50e2,"n":12345678901234567890}]}}',
    signature:
      'TWh+/5udMoTtsY1qWeWYmN4qMdD0owmyzmZGq3Bsv+6oR/8/yPQyKNfSxpn+ziw4nBHJ61csJSAzlSi31eQWDQ==',
  },
]

const nowMs = Date.parse('2025-01-15T10:31:00Z')

function withSignature(text: string, signature: string): string {
  return `${text.slice(0, -1)},"signature":"${signature}"}`
}

describe('golden vectors', () => {
  for (const { name, text, signature } of golden) {
    it(`verifies ${name}`, async () => {
      const envelope = parseEnvelope(withSignature(text, signature))

      assert.equal(canonicalText(envelope), text)
      const keys = [await importVerifyKey(goldenKey)]
      assert.equal(await refusalOf(envelope, { keys, nowMs }), undefined)
    })

    it(`verifies ${name} when white space and the order of fields differ`, async () => {
      const envelope = parseEnvelope(withSignature(text, signature))
      const { payload, ...rest } = envelope
      const fields = Object.entries(rest).map(
        ([key, value]) => `"${key}" : ${JSON.stringify(value)}`,
      )
      const spaced = `{\n"payload":\t${payload.replaceAll(',', ' ,\n ')} , ${fields.toReversed().join(',')}}`

      const keys = [await importVerifyKey(goldenKey)]
      assert.equal(await refusalOf(parseEnvelope(spaced), { keys, nowMs }), undefined)
    })

    it(`refuses ${name} with one character changed`, async () => {
      const changed = parseEnvelope(withSignature(text.replace('evt_', 'evT_'), signature))

      const keys = [await importVerifyKey(goldenKey)]
      assert.equal(await refusalOf(changed, { keys, nowMs }), 'bad signature')
    })
  }
})

describe('signEvent', () => {
  it('makes envelopes that verify, with the escapes of Go', async () => {
    const { privateKey, publicKey } = await makeKeys()
    const text = await signEvent(
      { ...anEvent(), payload: JSON.stringify({ text: '<a href="x">&\u2028é\u2029</a>' }) },
      privateKey,
    )

    assert.doesNotMatch(text, /[<>&\u2028\u2029]/)
    assert.equal(await refusalOf(parseEnvelope(text), { keys: [publicKey], nowMs }), undefined)
  })

  it('signs times in any form as Go prints them back', async () => {
    const { privateKey, publicKey } = await makeKeys()
    const asGoPrints = await signEvent(
      { ...anEvent(), issued_at: '2025-01-15T10:30:00.12Z' },
      privateKey,
    )

    for (const spelling of ['10:30:00.120Z', '10:30:00.12000000099Z', '10:30:00.12+00:00']) {
      const envelope = parseEnvelope(asGoPrints.replace('10:30:00.12Z', spelling))
      assert.equal(await refusalOf(envelope, { keys: [publicKey], nowMs }), undefined, spelling)
    }
  })
})

describe('refusalOf', () => {
  it('checks in the order of the contract', async () => {
    const { privateKey, publicKey } = await makeKeys()
    const check = async (change: Record<string, string>, atMs = nowMs) => {
      const envelope = parseEnvelope(await signEvent(anEvent(), privateKey))
      return refusalOf({ ...envelope, ...change }, { keys: [publicKey], nowMs: atMs })
    }

    assert.equal(await check({ signature: '', nonce: '' }), 'no signature')
    assert.equal(await check({ nonce: '', issued_at: '' }), 'no nonce')
    assert.equal(await check({ issued_at: 'yesterday' }), 'no issue time')
    assert.equal(await check({ signature: '?' }, nowMs + freshnessMs), 'stale')
    assert.equal(await check({ signature: '?' }, nowMs - 2 * freshnessMs), 'from the future')
    assert.equal(await check({ signature: '?' }), 'bad signature encoding')
    assert.equal(await check({ signature: 'AAAA' }), 'bad signature')
    assert.equal(await check({}), undefined)
  })

  it('takes any of the keys, and none for no key', async () => {
    const { privateKey, publicKey } = await makeKeys()
    const other = await makeKeys()
    const envelope = parseEnvelope(await signEvent(anEvent(), privateKey))

    assert.equal(
      await refusalOf(envelope, { keys: [other.publicKey, publicKey], nowMs }),
      undefined,
    )
    assert.equal(await refusalOf(envelope, { keys: [other.publicKey], nowMs }), 'bad signature')
    assert.equal(await refusalOf(envelope, { keys: [], nowMs }), 'bad signature')
  })
})

describe('parseEnvelope', () => {
  it('refuses what is no envelope', () => {
    for (const text of ['', '[]', '{', 'null', '{}', '{"event_type":"a"}', '{"event_id":"b"}']) {
      assert.throws(() => parseEnvelope(text), text)
    }
    assert.throws(
      () => parseEnvelope('{"event_type":1,"event_id":"b"}'),
      /"event_type" is not a string/,
    )
  })

  it('takes a missing payload for null', () => {
    assert.equal(parseEnvelope('{"event_type":"a","event_id":"b"}').payload, 'null')
  })
})

describe('importVerifyKey', () => {
  it('refuses keys that are not 32 bytes', async () => {
    for (const key of ['', 'AAAA', Buffer.alloc(33).toString('base64')]) {
      await assert.rejects(importVerifyKey(key), RangeError, key)
    }
    await assert.rejects(importVerifyKey('not base64'))
  })
})

describe('issuedAt', () => {
  it('drops the fraction', () => {
    assert.equal(issuedAt(Date.UTC(2025, 0, 15, 10, 30, 0, 999)), '2025-01-15T10:30:00Z')
  })
})

function anEvent() {
  return {
    event_type: 'rotate_keys',
    event_id: 'evt_1',
    issued_at: '2025-01-15T10:30:00Z',
    nonce: 'n-1',
    payload: '{}',
  }
}

async function makeKeys(): Promise<Pair> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  return pair as Pair // Ed25519 always makes a pair
}

interface Pair {
  privateKey: CryptoKey
  publicKey: CryptoKey
}
