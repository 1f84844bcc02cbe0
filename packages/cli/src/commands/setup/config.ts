import { CliError, exitCodes, readConfigFile, showProxy, writeFileAtomic } from '@plexd/runtime'
import { stringify } from 'yaml'
import { custom, type JsonFlag, noun } from '../../command.ts'
import { checkServers, proxyOf } from '../../connection/connection.ts'
import { configOf, configPath, readSettings, type Setting } from '../../connection/flags.ts'
import type { Context } from '../../context.ts'
import { printDone, printItem } from '../../terminal/output.ts'

export const configCommands = noun(
  {
    name: 'config',
    description: 'what plexctl uses when no flag is given',
    examples: ['plexctl config show'],
  },
  custom({
    name: 'set',
    description: 'keep the global flags that are given in the config file',
    json: 'print JSON',
    examples: [
      'plexctl config set --server https://127.0.0.1:8443 --ca-file ca.crt --token-file admin-token',
    ],
    run: setConfig,
  }),
  custom({
    name: 'show',
    description: 'show what would be used, and where it comes from',
    json: 'print JSON',
    examples: ['plexctl config show', 'plexctl config show --server https://cp.example'],
    run: showConfig,
  }),
)

async function setConfig({ io, flags }: Context, { json }: JsonFlag): Promise<void> {
  const given = configOf(flags())
  if (Object.keys(given).length === 0) {
    throw new CliError(
      'nothing to keep: give --server, --ca-file, --token-file or --insecure-http',
      exitCodes.usage,
    )
  }
  const path = configPath(io.env)
  const merged: Record<string, unknown> = { ...(await readConfigFile(path)), ...given }
  const { server } = flags()
  if (server !== undefined) {
    const insecureHttp = merged.insecure_http === true
    checkServers({ server: { value: server, from: '--server' }, insecureHttp })
  }
  await writeFileAtomic(path, stringify(merged))
  printDone(io, merged, { json, text: `wrote "${path}"` })
}

async function showConfig({ io, flags }: Context, { json }: JsonFlag): Promise<void> {
  const settings = await readSettings(flags(), io.env)
  const { server, caFile, tokenFile, insecureHttp } = settings
  const proxy = proxyOf(settings)
  const values = {
    config_file: configPath(io.env),
    server: server?.value ?? null,
    ca_file: caFile?.value ?? null,
    token_file: tokenFile?.value ?? null,
    insecure_http: insecureHttp,
    proxy: proxy === undefined ? null : showProxy(proxy),
  }
  printItem(io, values, {
    json,
    lines: ({ config_file, proxy }) => ({
      'config file': config_file,
      server: describe(server),
      'ca file': describe(caFile),
      'token file': describe(tokenFile),
      'insecure http': insecureHttp ? 'yes' : '',
      proxy: proxy === null ? '' : `${proxy} (from the environment)`,
    }),
  })
}

function describe(setting: Setting | undefined): string {
  return setting ? `${setting.value} (from ${setting.from})` : 'not set'
}
