import { existsSync, statSync } from 'node:fs'
import type { DaemonStatus } from '@plexd/protocol'
import { CliError, type Clock, describeError, exec, isMissing } from '@plexd/runtime'
import type { Static } from 'typebox'
import type { AgentConfig } from '../../config/agent-config.ts'
import { askDaemon } from '../../doctor/ask-daemon.ts'

const unit = 'plexd.service'

/** Whether systemd runs this machine, and knows us. */
export async function hasService(): Promise<boolean> {
  // sd_booted(3)
  if (!existsSync('/run/systemd/system') || isChroot()) return false
  return exec(['systemctl', 'cat', unit]).then(
    () => true,
    () => false,
  )
}

/** Where systemctl starts nothing, and says that all is well, even if the /run of the machine around is seen. */
export function isChroot(): boolean {
  try {
    const [around, own] = ['/proc/1/root/.', '/'].map((path) => statSync(path))
    return around?.dev !== own?.dev || around?.ino !== own?.ino
  } catch (error) {
    // Process 1 is not always ours to look at; a chroot may have no /proc.
    return isMissing(error)
  }
}

export async function isServiceActive(): Promise<boolean> {
  return exec(['systemctl', 'is-active', '--quiet', unit]).then(
    () => true,
    () => false,
  )
}

/** From now on at every boot. A daemon that runs already begins anew, as the node that this machine is now. */
export async function startService(): Promise<void> {
  try {
    await exec(['systemctl', 'enable', '--quiet', unit])
    // It is ready when the Local Node API answers.
    await exec(['systemctl', 'restart', unit], { timeoutMs: 180_000 })
  } catch (error) {
    throw new CliError(
      `start ${unit}: ${describeError(error)}: this machine is enrolled, look why with "journalctl -u plexd -n 30", then run "plexd setup" again`,
    )
  }
}

const connectMs = 60_000

/** Until the daemon has its stream of events. Resolves to why it has none otherwise. */
export async function untilConnected(
  config: AgentConfig,
  clock: Clock,
): Promise<string | undefined> {
  const deadlineMs = clock.monotonic() + connectMs
  for (;;) {
    const status = await askDaemon(config, (client) => client.getStatus({}))
    if (!(status instanceof Error) && status.control_plane.stream === 'connected') return undefined
    if (clock.monotonic() > deadlineMs)
      return status instanceof Error ? describeError(status) : whyNot(status)
    await clock.sleep(500)
  }
}

function whyNot({ control_plane, problems }: Static<typeof DaemonStatus>): string {
  return [`its event stream is ${control_plane.stream}`, ...problems].join('; ')
}
