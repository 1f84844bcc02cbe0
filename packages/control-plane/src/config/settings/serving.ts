import { isIP } from 'node:net'
import { proxySettings } from './proxies.ts'
import { asIs, optional, type Setting, withDefault, within } from './setting.ts'
import { readStunServers } from './stun-servers.ts'
import { parseList, parseSwitch } from './values.ts'

/** Where it is reached, and the keys and certificates with which it serves. */
export const servingSettings = {
  listen: withDefault({
    name: 'listen',
    value: 'HOST:PORT',
    default: '0.0.0.0:8443',
    help: 'address to serve on; port 0 takes a free one',
    read: parseListen,
  }),
  stun: optional({
    name: 'stun-listen',
    value: 'HOST:PORT',
    otherwise: 'HOST of --listen, port 3478',
    help: 'UDP address to tell nodes their public endpoint on, or "off"',
    read: (text, name) => (text === 'off' ? text : parseListen(text, name)),
  }),
  stunPublic: {
    name: 'stun-public',
    value: 'HOST[:PORT]',
    list: true,
    reloads: true,
    help: 'STUN servers that nodes are told to ask, the best first, such as the own address of this control plane behind a balancer of TCP; those of the others on its database are told as well; without any they ask the host in --public-url; repeatable, up to 16',
    from: readStunServers,
  },
  adminSocket: optional({
    name: 'admin-socket',
    value: 'PATH',
    otherwise: 'DATA_DIR/admin.sock',
    help: 'Unix socket for operators on this machine, who need a token here too; it answers also when the port is full; or "off"',
    read: asIs,
  }),
  metrics: optional({
    name: 'metrics-listen',
    value: 'HOST:PORT',
    help: 'address for /metrics and the health checks over plain HTTP, which --listen then serves no metrics on',
    read: parseListen,
  }),
  insecureHttp: {
    name: 'insecure-http',
    help: 'serve plain HTTP; on loopback addresses only',
    from: (given: unknown) => parseSwitch('insecure_http', given),
  },
  tlsCertFile: optional({
    name: 'tls-cert',
    value: 'FILE',
    credential: 'tls.crt',
    reloads: true,
    help: 'certificate to serve with, instead of one of our own authority; wants --tls-key',
    wants: 'file',
    read: asIs,
  }),
  tlsKeyFile: optional({
    name: 'tls-key',
    value: 'FILE',
    credential: 'tls.key',
    reloads: true,
    help: 'its private key; wants --tls-cert',
    wants: 'file',
    read: asIs,
  }),
  caKeyFile: optional({
    name: 'ca-key-file',
    value: 'FILE',
    credential: 'ca.key',
    otherwise: 'DATA_DIR/tls/ca.key',
    help: 'key of our own authority, to keep it elsewhere',
    read: asIs,
  }),
  masterKeyFile: optional({
    name: 'master-key-file',
    value: 'FILE',
    credential: 'master.key',
    otherwise: 'DATA_DIR/master.key',
    help: 'what the database is sealed under, to keep it elsewhere',
    read: asIs,
  }),
  tlsNames: {
    name: 'tls-san',
    value: 'NAME',
    list: true,
    reloads: true,
    help: 'further name or address for our certificate; repeatable',
    from: (given: unknown): readonly string[] => parseList('tls_san', given).map(checkTlsName),
  },
  ...proxySettings,
  publicUrl: optional({
    name: 'public-url',
    value: 'URL',
    otherwise:
      'where it listens; for 0.0.0.0 the first --tls-san, else an address of this machine, else its name',
    help: 'how nodes reach this control plane',
    read: parsePublicUrl,
  }),
  drainMs: withDefault({
    name: 'drain',
    value: 'DURATION',
    default: '0s',
    help: 'how long it goes on at its end, beside others: /readyz says 503 at once, and in the second half streams, and connections that it passes on, end one after the other',
    ...within({
      unit: 'ms',
      min: 1_000,
      max: 45_000,
      zero: 'no drain',
      maxWhy:
        'systemd and Kubernetes kill what has not ended 60 s after it was told to, and it takes 15 s without a drain',
    }),
  }),
} as const satisfies Record<string, Setting<unknown>>

function parseListen(text: string, name: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535)
    throw new Error(`read config: ${name} "${text}": want HOST:PORT, as in 127.0.0.1:8443`)
  return { host: bracketed ?? (plain || '0.0.0.0'), port: Number(port) }
}

function checkTlsName(text: string): string {
  if (isIP(text) === 0 && !/^[\w*][\w.*-]*$/.test(text))
    throw new Error(
      `read config: tls_san "${text}": want a name or an address, without https:// and port`,
    )
  return text
}

function parsePublicUrl(text: string): string {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Error(
      `read config: public_url "${text}": want a URL, as in https://plexd.example.com`,
    )
  return text.replace(/\/+$/, '')
}
