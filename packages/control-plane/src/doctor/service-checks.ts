import { existsSync } from 'node:fs'
import {
  type Check,
  describeError,
  errorCodeOf,
  type Finding,
  failed,
  ok,
  openUdpSocket,
  warning,
} from '@plexd/runtime'
import { askPort, askSocket, askStun, localHost, type ReadyAnswer, saysWaiting } from './ask.ts'
import { certificateFile, readCertificate } from './certificate-check.ts'
import { startRemedy } from './folder-checks.ts'
import type { Place } from './place.ts'
import { waitsFor } from './turn.ts'

/** Whether it is running and reachable for nodes and operators. */
export const serviceChecks: readonly Check<Place>[] = [
  { name: 'process', run: checkProcess },
  { name: 'admin socket', run: checkSocket },
  { name: 'port', run: checkPort },
  { name: 'settings', run: checkSettings },
  { name: 'STUN', run: checkStun },
]

async function checkProcess(place: Place): Promise<Finding> {
  const { pid, config } = place
  if (pid === undefined) return failed(`none runs on "${config.dataDir}"`, startRemedy(place))
  const other = await waitsFor(place)
  const waiting = other === undefined ? '' : `, and waits for ${other}`
  return ok(`${pid} runs on "${config.dataDir}"${waiting}`)
}

const notAsked = ok('not asked')
const notRunning = ok('not asked: the control plane does not run')
const logRemedy = 'see its log: journalctl -u plexd-control-plane'

async function checkSocket(place: Place): Promise<Finding> {
  const { config, pid } = place
  const { adminSocket } = config
  if (adminSocket === undefined) return ok('none is wanted')
  if (pid === undefined) return notRunning
  try {
    return judgeReady(await askSocket(adminSocket), `"${adminSocket}"`)
  } catch (error) {
    const isDenied = errorCodeOf(error) === 'EACCES'
    return failed(
      `"${adminSocket}": ${describeError(error)}`,
      isDenied ? 'run this as root or as the user of the control plane' : logRemedy,
    )
  }
}

async function checkPort(place: Place): Promise<Finding> {
  const { config, pid } = place
  const { host, port } = config.listen
  if (port === 0) return ok('not asked: it is another at each start')
  const where = `host "${host}", port ${port}`
  try {
    const answer = await askPort(config)
    if (pid === undefined)
      return failed(
        `another program serves on ${where}`,
        'end it, or choose another port with --listen',
      )
    const other = await waitsFor(place)
    // The certificate is that of the one that serves.
    if (other !== undefined && answer.status === 200)
      return ok(`${where} is ready: it passes on to ${other}`)
    return staleCertificate(place, answer) ?? judgeReady(answer, where)
  } catch (error) {
    if (pid === undefined && errorCodeOf(error) === 'ECONNREFUSED') return ok(`${where} is free`)
    return failed(
      `${where}: ${describeError(error)}`,
      pid === undefined
        ? 'choose another with --listen'
        : `if it serves elsewhere, give --listen or --config as serve has it; else ${logRemedy}`,
    )
  }
}

function judgeReady({ status, text }: ReadyAnswer, where: string): Finding {
  if (status === 200) return ok(`${where} is ready`)
  if (saysWaiting(text)) return ok(`${where} answers that it waits for its turn`)
  return failed(`${where} answers ${status} to /readyz: ${text.trim()}`, logRemedy)
}

/** Whether the process runs with the settings that its next start will have. */
async function checkSettings({ config, pid }: Place): Promise<Finding> {
  const { adminSocket, listen } = config
  if (pid === undefined || (adminSocket === undefined && listen.port === 0)) return notAsked
  try {
    const asked = adminSocket === undefined ? askPort(config) : askSocket(adminSocket)
    const { needs_restart = [], warnings = [] } = Object(JSON.parse((await asked).text))
    if (warnings.some((text: string) => text.startsWith('the settings')))
      return warning(
        'they could not be read when they were reloaded, those from before are in force',
        'systemctl reload plexd-control-plane, and see its log: journalctl -u plexd-control-plane',
      )
    if (needs_restart.length === 0) return ok('all that were reloaded are in force')
    return warning(
      `the next start changes ${needs_restart.join(' ')}`,
      'systemctl restart plexd-control-plane',
    )
  } catch {
    return notAsked // the check of the door that was asked says why
  }
}

function staleCertificate(place: Place, { certificate }: ReadyAnswer): Finding | undefined {
  const path = certificateFile(place)
  if (path === undefined || !certificate || !existsSync(path)) return undefined
  if (readCertificate(path).raw.equals(certificate)) return undefined
  return warning(
    `another certificate is served than that in "${path}"`,
    'systemctl reload plexd-control-plane, or kill -HUP the process',
  )
}

/** Also where it waits for its turn. */
async function checkStun({ config: { stun }, pid }: Place): Promise<Finding> {
  if (!stun) return ok('switched off: nodes ask other servers')
  const where = `UDP port ${stun.port} of "${stun.host}"`
  if (pid === undefined) return checkFree(stun, where)
  const mapped = await askStun(localHost(stun.host), stun.port)
  if (mapped) return ok(`${where} answers`)
  return warning(
    `${where} does not answer: nodes that are told of no other server find no public endpoint`,
    `see whether another program has it: ss -ulpn 'sport = :${stun.port}'`,
  )
}

async function checkFree(
  { host, port }: { host: string; port: number },
  where: string,
): Promise<Finding> {
  try {
    await using _socket = await openUdpSocket(port, host)
    return ok(`${where} is free`)
  } catch (error) {
    return warning(
      `${where} cannot be taken: ${describeError(error)}`,
      'end what has it, or choose another with --stun-listen',
    )
  }
}
