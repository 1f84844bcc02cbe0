import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { faultsOf, Ledger } from './ledger.ts'

describe('faultsOf', () => {
  it('finds nothing in what came once and in order', () => {
    assert.deepEqual(faultsOf(pageOf([3, 4, 9]), [1, 2, 3, 4, 9]), none)
  })

  it('finds what is lost, in the middle and at the end', () => {
    assert.deepEqual(faultsOf(pageOf([3, 9]), [3, 4, 9, 12]), { ...none, lost: 2 })
  })

  it('finds what came twice or behind a later one', () => {
    assert.deepEqual(faultsOf(pageOf([3, 9, 9, 4]), [3, 4, 9]), { ...none, lost: 1, outOfTurn: 2 })
  })

  it('finds what was meant for others', () => {
    assert.deepEqual(faultsOf(pageOf([3, 5, 9, 10]), [3, 9]), { ...none, strange: 2 })
  })

  it('forgives what a pulled state has made up for, and counts it', () => {
    const ledger = ledgerOf([3])
    ledger.pull(3, 6)
    assert.deepEqual(faultsOf({ nodeId: 'n_a', ...ledger }, [3, 4, 6, 7]), {
      ...none,
      coalesced: 2,
      lost: 1,
    })
  })

  it('counts states that were sent whole though nothing of them had moved', () => {
    const ledger = ledgerOf([3])
    ledger.whole.push({ from: 3, to: 6 }, { from: 6, to: 6 })
    ledger.pull(3, 6)
    assert.deepEqual(faultsOf({ nodeId: 'n_a', ...ledger }, [3, 6]), {
      ...none,
      coalesced: 1,
      needless: 1,
    })
  })
})

const none = { lost: 0, strange: 0, outOfTurn: 0, coalesced: 0, needless: 0 }

function ledgerOf(seqs: readonly number[]): Ledger {
  const ledger = new Ledger()
  ledger.begin(2)
  for (const seq of seqs) ledger.take(seq)
  return ledger
}

function pageOf(seqs: readonly number[]) {
  return { nodeId: 'n_a', ...ledgerOf(seqs) }
}
