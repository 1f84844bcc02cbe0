/** Runs tasks one after another, in order of arrival. A failing task rejects, and does not stop the others. */
export type SerialQueue = <Result>(work: () => Promise<Result>) => Promise<Result>

export function createSerialQueue(): SerialQueue {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(work)
    last = result.catch(() => {}) // reported to its caller
    return result
  }
}
