/** What a session server and its dialer, the process that connects as the user of a session, tell each other. */

export type ToDialer =
  /** The first message: the dialer stays this user. */
  | { type: 'become'; name: string; uid: number; gid: number; groups: readonly number[] }
  | { type: 'dial'; id: number; host: string; port: number }

export type FromDialer =
  | { type: 'ready' }
  /** The socket comes with the message. */
  | { type: 'dialed'; id: number }
  | { type: 'failed'; id: number; why: string }
