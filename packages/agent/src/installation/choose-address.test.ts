import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseAddress, hasWhereToGo } from './choose-address.ts'

it('looks for a better address than one that answers, and for any when it does not', () => {
  const [current, other] = ['https://old', 'https://new']
  for (const [urls, whileUp, whileDown] of [
    [[], false, false],
    [[current], false, false],
    [[current, other], false, true],
    [[other], true, true],
    [[other, current], true, true],
  ] as const) {
    const place = { current, urls }
    assert.deepEqual([hasWhereToGo(place, false), hasWhereToGo(place, true)], [whileUp, whileDown])
  }
})

describe('chooseAddress', () => {
  const [old, next, other] = ['https://old', 'https://new', 'https://other']
  type Seen = Record<string, string>
  const table: [
    string,
    { urls: string[]; seen: Seen; wasGone?: boolean },
    string | undefined | RegExp,
  ][] = [
    ['stays when nothing is announced', { urls: [], seen: { [old]: 'a' } }, undefined],
    [
      'stays when nothing is announced and nobody answers',
      { urls: [], seen: {}, wasGone: true },
      undefined,
    ],
    ['stays where it is announced', { urls: [old], seen: { [old]: 'a' } }, undefined],
    ['stays until somebody proves itself there', { urls: [next], seen: { [old]: 'a' } }, undefined],
    ['stays when nobody answers anywhere', { urls: [next], seen: {}, wasGone: true }, undefined],
    ['goes when the old one is gone', { urls: [next], seen: { [next]: 'b' }, wasGone: true }, next],
    ['waits whether the old one is gone', { urls: [next], seen: { [next]: 'b' } }, undefined],
    [
      'goes at once to the same one by its new address',
      { urls: [next], seen: { [old]: 'a', [next]: 'a' } },
      next,
    ],
    [
      'stays while two run',
      { urls: [next], seen: { [old]: 'a', [next]: 'b' } },
      /two control planes/,
    ],
    [
      'takes the best that answers',
      { urls: [next, other], seen: { [other]: 'b' }, wasGone: true },
      other,
    ],
    ['goes up to a better one', { urls: [next, old], seen: { [old]: 'a', [next]: 'a' } }, next],
    ['does not go down', { urls: [old, next], seen: { [old]: 'a', [next]: 'a' } }, undefined],
    [
      'goes down when the best is gone',
      { urls: [old, next], seen: { [next]: 'a' }, wasGone: true },
      next,
    ],
  ]
  for (const [what, { urls, seen, wasGone = false }, wanted] of table)
    it(what, () => {
      const sights = new Map(Object.entries(seen).map(([url, life]) => [url, { life }]))
      const choice = chooseAddress({ current: old, urls, sights, wasGone })
      if (wanted instanceof RegExp) {
        assert.equal(choice.goTo, undefined)
        assert.match('problem' in choice ? choice.problem : '', wanted)
      } else
        assert.deepEqual(
          choice,
          wanted === undefined ? { goTo: wanted, problem: '' } : { goTo: wanted },
        )
    })
})
