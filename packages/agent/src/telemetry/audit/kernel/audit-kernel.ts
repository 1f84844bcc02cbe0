import type { Clock } from '@plexd/runtime'
import { readMessages, writeMessage } from '../../../process/sockets/netlink.ts'
import type { OpenRawSocket } from '../../../process/sockets/raw-socket.ts'
import { encodeWatch, isOwnRule, type Watched } from './rule.ts'

export interface AuditStatus {
  /** `locked`: on, and cannot be changed until the machine is started anew. */
  enabled: 'off' | 'on' | 'locked'
  /** The process that takes the records, as auditd; 0 for none. */
  daemonPid: number
  /** Records that it could not keep or hand over, since the boot. */
  lost: number
}

/** What the kernel's audit is asked and told. Needs CAP_AUDIT_CONTROL in the first namespaces; each call rejects without. */
export interface AuditKernel {
  status(): Promise<AuditStatus>
  enable(isEnabled: boolean): Promise<void>
  /** One that is there already is no error. */
  watch(watched: Watched): Promise<void>
  /** Removes all rules of plexd, also those of an earlier run. Returns how many there were. */
  unwatchAll(): Promise<number>
}

/** By netlink, as auditctl does: that is not on every machine, and its rules are known by nothing but the order of its options. */
export function createAuditKernel(open: OpenRawSocket, clock: Clock): AuditKernel {
  /** The messages that answer; `isList`: all until the kernel says that it is done. */
  async function ask(
    type: number,
    body: Buffer,
    { flags, isOver }: { flags: number; isOver(type: number): boolean },
  ): Promise<Buffer[]> {
    const socket = open(linux.afNetlink, linux.netlinkAudit)
    if (!socket) throw new Error('open an audit socket')
    try {
      if (!socket.send(writeMessage(type, flags, body), kernelAddress))
        throw new Error(`send to the kernel's audit: it refuses (CAP_AUDIT_CONTROL)`)
      const found: Buffer[] = []
      for (let waitedMs = 0; waitedMs < answerMs; waitedMs += pollMs) {
        for (const message of socket.read().flatMap(readMessages)) {
          const error = message.type === linux.error ? message.body.readInt32LE(0) : 0
          if (error !== 0) throw new AuditRefusal(-error)
          if (message.type === type) found.push(Buffer.from(message.body))
          if (isOver(message.type)) return found
        }
        await clock.sleep(pollMs)
      }
      throw new Error("the kernel's audit does not answer")
    } finally {
      socket.close()
    }
  }

  async function tell(type: number, body: Buffer): Promise<void> {
    await ask(type, body, { flags: linux.acknowledge, isOver: (got) => got === linux.error })
  }

  return {
    async status() {
      const isOver = (got: number): boolean => got === linux.get
      const [body] = await ask(linux.get, Buffer.alloc(0), { flags: 0, isOver })
      if (!body || body.length < 28) throw new Error("the kernel's audit gives no status")
      const enabled = body.readUInt32LE(4)
      return {
        enabled: enabled === 0 ? 'off' : enabled === 1 ? 'on' : 'locked',
        daemonPid: body.readUInt32LE(12),
        lost: body.readUInt32LE(24),
      }
    },
    async enable(isEnabled) {
      // struct audit_status: the first number says which of the others count.
      const status = Buffer.alloc(32)
      status.writeUInt32LE(linux.maskEnabled, 0)
      status.writeUInt32LE(isEnabled ? 1 : 0, 4)
      await tell(linux.set, status)
    },
    async watch(watched) {
      try {
        await tell(linux.addRule, encodeWatch(watched))
      } catch (error) {
        if (!(error instanceof AuditRefusal && error.errno === linux.exists)) throw error
      }
    },
    async unwatchAll() {
      const isOver = (got: number): boolean => got === linux.done
      const rules = await ask(linux.listRules, Buffer.alloc(0), { flags: 0, isOver })
      const own = rules.filter(isOwnRule)
      for (const rule of own) await tell(linux.deleteRule, rule)
      return own.length
    },
  }
}

class AuditRefusal extends Error {
  readonly errno: number

  constructor(errno: number) {
    super(`the kernel's audit refuses: ${refusals[errno] ?? `errno ${errno}`}`)
    this.errno = errno
  }
}

const refusals: Readonly<Record<number, string>> = {
  1: 'not permitted (CAP_AUDIT_CONTROL outside of containers; or rules are locked until a restart)',
  2: 'there is no such file or folder',
  22: 'it does not know such a rule',
  111: 'not from inside a container',
}

const linux = {
  afNetlink: 16,
  netlinkAudit: 9,
  acknowledge: 4,
  error: 2,
  done: 3,
  get: 1000,
  set: 1001,
  addRule: 1011,
  deleteRule: 1012,
  listRules: 1013,
  maskEnabled: 1,
  exists: 17,
}

/** struct sockaddr_nl without a port: the kernel. */
const kernelAddress = Buffer.from([linux.afNetlink, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
const pollMs = 5
const answerMs = 2_000
