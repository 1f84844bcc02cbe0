import assert from 'node:assert/strict'
import { it } from 'node:test'
import { faultOfLogFile, faultsOfLogFiles } from './log-files.ts'

it('an entry of logs.files can find a file, or says why it never will', () => {
  const right = ['/a.log', '/a/*/b?.log', '/a/[ab].log', '/a/[]x].log', '/a/{b,c}.log', '/a/b}.log']
  for (const pattern of right) assert.equal(faultOfLogFile(pattern), undefined, pattern)
  const faults: [string, RegExp][] = [
    ['', /^it is empty: want the absolute path/],
    ['[', /^it is not absolute: want /],
    ['app.log', /^it is not absolute: want .* "\/var\/log\/app\.log"$/],
    ['/var/log/', /^it names a folder: want .* "\/var\/log\/\*\.log"$/],
    ['/', /^it names a folder: .* "\/\*\.log"$/],
    ['/var/log/..', /^it names a folder: /],
    ['/var/log/[', /^its "\[" is never closed: /],
    ['/var/log/[].log', /^its "\[" is never closed: /],
    ['/var/log/{a,b.log', /^its "\{" is never closed: /],
    ['/var/log/[z-a].log', /^"z-a" is a range without characters: /],
  ]
  for (const [pattern, fault] of faults) assert.match(faultOfLogFile(pattern) ?? '', fault, pattern)
})

it('faults have the value in quotes', () => {
  assert.match(faultsOfLogFiles(['/a.log', 'b'])[0] ?? '', /^"b": it is not absolute: /)
})
