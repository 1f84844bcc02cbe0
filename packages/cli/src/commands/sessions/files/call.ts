import type { SFTPWrapper } from 'ssh2'

/** A call of ssh2 as a promise. */
export type Call = <Result>(
  start: (done: (error: Error | null | undefined, result?: Result) => void) => void,
) => Promise<Result>

/** The files of a node. */
export interface Remote {
  sftp: SFTPWrapper
  call: Call
}

/** Calls that fail when the connection has ended: ssh2 leaves some of them open for ever. */
export function callsUntil(ended: Promise<unknown>): Call {
  return (start) =>
    new Promise((resolve, reject) => {
      void ended.then(() => reject(new Error('the connection has ended')))
      start((error, result) => (error ? reject(error) : resolve(result as never)))
    })
}
