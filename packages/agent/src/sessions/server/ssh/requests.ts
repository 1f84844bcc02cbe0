import type { Session, SessionAccept } from 'ssh2'
import { isAccepted } from '../programs/environment.ts'
import type { Terminal, TerminalSize } from '../programs/pty.ts'
import type { AskedModes } from './asked-modes.ts'

export interface AskedTerminal extends Terminal {
  term: string
}

/** What a client asks for beside a program: before it, and while it runs. */
export interface Requests {
  terminal(): AskedTerminal | undefined
  /** Variables of the client's that programs get. */
  variables: ReadonlyMap<string, string>
  /** Called while a program runs. */
  onResize(call: (size: TerminalSize) => void): void
  onSignal(call: (name: string) => void): void
}

const maxVariables = 20

export interface RequestDeps {
  modes: AskedModes
  /** Is called with what the client asked for, and does not get. */
  onRefused(what: string): void
}

export function acceptRequests(session: Session, { modes, onRefused }: RequestDeps): Requests {
  const variables = new Map<string, string>()
  let terminal: AskedTerminal | undefined
  let resize: ((size: TerminalSize) => void) | undefined
  let signal: ((name: string) => void) | undefined

  session.on('pty', (accept: SessionAccept | undefined, _reject, info) => {
    const { cols, rows } = info
    const { term = '' } = info as { term?: string } // its type lacks it
    terminal = { cols, rows, term, modes: modes.latest() }
    accept?.()
  })
  session.on('env', (accept: SessionAccept | undefined, reject, { key, val }) => {
    const isTaken = isAccepted(key, val) && variables.size < maxVariables
    if (isTaken) variables.set(key, val)
    if (isTaken) accept?.()
    else reject?.()
  })
  session.on('window-change', (accept: SessionAccept | undefined, _reject, { cols, rows }) => {
    if (terminal) Object.assign(terminal, { cols, rows })
    resize?.({ cols, rows })
    accept?.()
  })
  session.on('signal', (accept: SessionAccept | undefined, _reject, { name }) => {
    signal?.(name)
    accept?.()
  })
  const refuse = (what: string) => (_accept: SessionAccept | undefined, reject: unknown) => {
    onRefused(what)
    if (typeof reject === 'function') reject()
  }
  session.on('auth-agent', refuse('your SSH agent'))
  session.on('x11', refuse('X11'))
  return {
    terminal: () => terminal,
    variables,
    onResize(call) {
      resize = call
    },
    onSignal(call) {
      signal = call
    },
  }
}
