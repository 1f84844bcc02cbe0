import { isIP } from 'node:net'
import { asIs, optional, type Setting, withDefault } from './setting.ts'
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
  trustedProxies: {
    name: 'trusted-proxies',
    value: 'CIDR',
    list: true,
    help: 'addresses of reverse proxies, whose X-Forwarded-For or Forwarded is believed: wrong tokens are counted, and callers named, by the client that it names; repeatable',
    from: (given: unknown): readonly string[] =>
      parseList('trusted_proxies', given).map(parseProxyRange),
  },
  publicUrl: optional({
    name: 'public-url',
    value: 'URL',
    otherwise:
      'where it listens; for 0.0.0.0 the first --tls-san, else an address of this machine, else its name',
    help: 'how nodes reach this control plane',
    read: parsePublicUrl,
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

/** An address, or a range of either kind of IP; with its length, which an address alone has none of. */
function parseProxyRange(text: string): string {
  const [, address = '', length] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  const prefix = length === undefined ? bits : Number(length)
  const fault = (why: string) => new Error(`read config: trusted_proxies "${text}": ${why}`)
  if (bits === 0 || prefix > bits)
    throw fault('want an address or a range, as in 10.0.0.5 or 2001:db8::/64')
  if (prefix === 0)
    throw fault('that is everybody, and who connects could say to be anyone: name the proxies')
  return `${address}/${prefix}`
}

function parsePublicUrl(text: string): string {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Error(
      `read config: public_url "${text}": want a URL, as in https://plexd.example.com`,
    )
  return text.replace(/\/+$/, '')
}
