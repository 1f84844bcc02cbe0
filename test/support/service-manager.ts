import { type DatagramReceiver, receiveDatagrams, until } from '@plexd/runtime/testing'

/** Of the watchdog; long enough for a busy machine, and short enough to be looked at. */
export const watchdogMs = 4_000

/** Listens to what a daemon tells its service manager, in order. */
export function startManager(address: string) {
  const receiver: DatagramReceiver = receiveDatagrams(address)
  const told: string[] = []
  const look = (): string[] => {
    for (const message of receiver.read()) told.push(...String(message).split('\n'))
    return told
  }
  // The kernel keeps ten messages that nobody has read.
  const reading = setInterval(look, 20).unref()
  return {
    env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: String(watchdogMs * 1_000) },
    told: look,
    count: (line: string) => look().filter((one) => one === line).length,
    hears: (line: RegExp | string) =>
      until(`it is told ${line}`, () =>
        look().some((one) => (typeof line === 'string' ? one === line : line.test(one))),
      ),
    [Symbol.dispose]() {
      clearInterval(reading)
      receiver[Symbol.dispose]()
    },
  }
}
