import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Announcement, openAnnouncement, signAnnouncement } from './announcement.ts'

const announcement: Announcement = {
  sequence: 7,
  urls: ['https://cp.example.com'],
  authorities: ['PEM'],
}

describe('an announcement', () => {
  it('is read as it was signed, by whichever known key', async () => {
    const [own, other] = [await newPair(), await newPair()]
    const signed = await signAnnouncement(announcement, own.privateKey)
    const keys = [other.publicKey, own.publicKey]
    assert.deepEqual(await openAnnouncement(signed, keys), announcement)
  })

  it('is refused with another text, another key, or no key at all', async () => {
    const { privateKey, publicKey } = await newPair()
    const signed = await signAnnouncement(announcement, privateKey)
    const changed = { ...signed, text: signed.text.replace('cp.', 'cq.') }
    const stranger = await signAnnouncement(announcement, (await newPair()).privateKey)
    const unsigned = { ...signed, signature: 'not base64!' }
    for (const received of [changed, stranger, unsigned])
      await assert.rejects(openAnnouncement(received, [publicKey]), /none of the known keys/)
    await assert.rejects(openAnnouncement(signed, []), /none of the known keys/)
  })

  it('is no text that the same key signs for something else', async () => {
    const { privateKey, publicKey } = await newPair()
    const text = JSON.stringify(announcement)
    const bytes = await crypto.subtle.sign('Ed25519', privateKey, new TextEncoder().encode(text))
    const signature = new Uint8Array(bytes).toBase64()
    await assert.rejects(
      openAnnouncement({ text, signature }, [publicKey]),
      /none of the known keys/,
    )
  })

  it('is refused, however well it is signed, if it is none', async () => {
    const { privateKey, publicKey } = await newPair()
    const large = { ...announcement, authorities: ['x'.repeat(10_000_000)] }
    const cases: [unknown, RegExp][] = [
      [await signAnnouncement(large, privateKey), /no text with a signature/],
      [await signAnnouncement({ ...announcement, sequence: 0 }, privateKey), /no sequence/],
      [await signAnnouncement({ ...announcement, urls: [''] }, privateKey), /no sequence/],
      [await signAnnouncement(null as never, privateKey), /no sequence/],
      [null, /no text with a signature/],
      ['text', /no text with a signature/],
    ]
    for (const [received, why] of cases)
      await assert.rejects(openAnnouncement(received, [publicKey]), why)
  })
})

async function newPair() {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  return pair as { privateKey: CryptoKey; publicKey: CryptoKey } // Ed25519 makes two
}
