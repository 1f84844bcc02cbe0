import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatAge, formatTable } from './table.ts'

describe('formatTable', () => {
  it('has as many rows as there are', () => {
    const rows = Array.from({ length: 200_000 }, () => ['a'])
    assert.equal(formatTable(['key'], rows).length, 'KEY\n'.length + 2 * rows.length)
  })

  it('pads each column to its longest cell, and no line at its end', () => {
    const table = formatTable(
      ['name', 'mesh ip', 'labels'],
      [
        ['web-01', '10.100.1.2', ''],
        ['db', '10.100.1.3', 'env=prod'],
      ],
    )

    assert.equal(
      table,
      'NAME    MESH IP     LABELS\nweb-01  10.100.1.2\ndb      10.100.1.3  env=prod\n',
    )
  })

  it('prints the headings of an empty table', () => {
    assert.equal(formatTable(['name', 'id'], []), 'NAME  ID\n')
  })

  it('keeps a value in its line and off the terminal', () => {
    assert.equal(formatTable(['a'], [['x\ny\u001b[2J\u009b1m']]), 'A\nx?y?[2J?1m\n')
  })
})

describe('formatAge', () => {
  const ages: [ms: number, text: string][] = [
    [-5_000, '0s'],
    [999, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [7_199_000, '119m'],
    [7_200_000, '2h'],
    [172_800_000, '2d'],
  ]
  for (const [ms, text] of ages) {
    it(`says "${text}" for ${ms} ms`, () => assert.equal(formatAge(1e12, 1e12 + ms), text))
  }
})
