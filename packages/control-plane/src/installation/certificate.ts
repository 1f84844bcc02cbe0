import type { Config } from '../config/config.ts'
import { loadMasterKey, type MasterKey, masterKeyPath } from '../seal/master-key.ts'
import type { Reader } from '../store/db.ts'
import { readBeside } from '../store/place/database.ts'
import { loadTls, type Tls } from '../tls/authority.ts'
import { readServing } from './serving.ts'

/** What we serve with, by what is committed. */
export async function loadCertificate(
  config: Config,
  { reader, masterKey, nowMs }: { reader: Reader; masterKey: MasterKey; nowMs: number },
): Promise<Tls> {
  return await load(config, nowMs, await readServing(reader, masterKey))
}

/**
 * The same while another control plane serves from the database. Undefined as long as no authority is committed there: one that was made
 * here nobody would trust.
 */
export async function loadCertificateBeside(
  config: Config,
  nowMs: number,
): Promise<Tls | undefined> {
  if (config.tlsCertFile !== undefined) return await load(config, nowMs)
  const authorities = await readBeside(config, async (reader) =>
    readServing(reader, await loadMasterKey({ path: masterKeyPath(config), isNew: false })),
  )
  return authorities && (await load(config, nowMs, authorities))
}

function load(
  config: Config,
  nowMs: number,
  authorities?: Awaited<ReturnType<typeof readServing>>,
): Promise<Tls> {
  return loadTls({
    dataDir: config.dataDir,
    listenHost: config.listen.host,
    extraNames: config.tlsNames,
    ...(config.tlsCertFile === undefined ? {} : { certFile: config.tlsCertFile }),
    ...(config.tlsKeyFile === undefined ? {} : { keyFile: config.tlsKeyFile }),
    ...(config.caKeyFile === undefined ? {} : { caKeyFile: config.caKeyFile }),
    authorities,
    nowMs,
  })
}
