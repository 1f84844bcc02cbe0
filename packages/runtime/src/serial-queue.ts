/** Runs what it is given one after another, in the order in which it came. What fails rejects, and holds nobody up. */
export type SerialQueue = <Result>(work: () => Promise<Result>) => Promise<Result>

export function createSerialQueue(): SerialQueue {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(work)
    last = result.catch(() => {}) // its caller is told
    return result
  }
}
