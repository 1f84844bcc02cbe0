import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readHttpsAddress } from './https-address.ts'

describe('readHttpsAddress', () => {
  const spelled: [string, string][] = [
    ['https://plexd.example.com', 'https://plexd.example.com'],
    ['HTTPS://Plexd.example.com:443/', 'https://plexd.example.com'],
    ['https://10.0.0.1:8443/', 'https://10.0.0.1:8443'],
    ['https://[2001:DB8:0::1]:8443', 'https://[2001:db8::1]:8443'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ]
  for (const [text, address] of spelled)
    it(`reads "${text}"`, () => assert.equal(readHttpsAddress(text), address))

  const refused = [
    '',
    ' ',
    'x',
    'plexd.example.com',
    'http://h',
    'https://',
    'https:///h',
    'https:h',
    'https:\\\\h',
    'https://u@h',
    'https://:p@h',
    'https://h/path',
    'https://h//',
    'https://h?q',
    'https://h#f',
    'https://h\nx',
    'https://h\tx',
    'https://h ',
    '\u0001https://h',
    'https://h:0',
    'https://h:99999',
    'https://0.0.0.0:8443',
    'https://0:8443',
    'https://[::]',
    'https://[fe80::1%25eth0]',
  ]
  for (const text of refused)
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(readHttpsAddress(text), undefined))
})
