import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Announcement } from '@plexd/protocol'
import { authority, serverCertificate } from '@plexd/runtime/testing'
import { isNews } from './judge.ts'

const last: Announcement = { sequence: 5, urls: [], authorities: [] }

describe('isNews', () => {
  it('takes the first, and each that is newer', () => {
    assert.equal(isNews(last, undefined), true)
    assert.equal(isNews({ ...last, sequence: 6, authorities: [authority] }, last), true)
  })

  it('passes over what is as old as what is there, or older, whatever it says', () => {
    for (const sequence of [1, 4, 5])
      assert.equal(isNews({ ...last, sequence, urls: ['http://old'] }, last), false)
  })

  for (const url of ['http://cp.example.com', 'https://', 'cp.example.com', 'https://u:p@cp', ' '])
    it(`refuses the address "${url}"`, () => {
      assert.throws(() => isNews({ ...last, sequence: 6, urls: [url] }, last), /want https:/)
    })

  for (const [what, pem] of [
    ['what is no certificate', 'PEM'],
    ['the certificate of a server', serverCertificate],
  ] as const)
    it(`refuses ${what} for an authority`, () => {
      const next = { ...last, sequence: 6, authorities: [authority, pem] }
      assert.throws(() => isNews(next, last), /want the certificate of an authority/)
    })
})
