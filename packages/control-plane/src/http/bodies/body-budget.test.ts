import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBodyBudget } from './body-budget.ts'

const all = { name: 'all_bytes', bytes: 100 }
const each = { name: 'each_bytes', bytes: 60 }

describe('createBodyBudget', () => {
  it('leaves room for others, whoever takes as much as it can', () => {
    const budget = createBodyBudget({ all, each })
    budget.take('greedy', 60)
    assert.throws(() => budget.take('greedy', 1), {
      status: 503,
      message: /each_bytes is 60 bytes/,
    })
    budget.take('modest', 40)
    assert.throws(() => budget.take('late', 1), { status: 503, message: /all_bytes is 100 bytes/ })
  })

  it('has it all again when it was given back', () => {
    const budget = createBodyBudget({ all, each })
    for (let round = 0; round < 10; round++) {
      budget.take('web', 30)
      budget.take('web', 30)
      budget.giveBack('web', 60)
    }
    budget.giveBack('web', 0)
    budget.take('web', 60)
  })

  it('knows no callers where they are not known', () => {
    const budget = createBodyBudget({ all })
    budget.take('', 100)
    assert.throws(() => budget.take('', 1), { status: 503 })
  })
})
