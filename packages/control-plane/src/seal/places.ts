/** The contexts that texts are sealed with: a text moved to another place cannot be opened. */
export const placeOf = {
  secret: ({ tenant_id, key, target }: { tenant_id: string; key: string; target: string }) =>
    `secret:${JSON.stringify([tenant_id, key, target])}`,
  nsk: (nodeId: string) => `nsk:${nodeId}`,
  nextSecrets: (nodeId: string) => `next secrets:${nodeId}`,
  registrationAnswer: (tokenId: string) => `registration:${tokenId}`,
  authorityKey: (id: string) => `authority:${id}`,
  signingKey: (keyId: string) => `signing_key:${keyId}`,
  recordingKey: (sessionId: string) => `recording:${sessionId}`,
  webhookSecret: (webhookId: string) => `alert webhook:${webhookId}`,
  pskKeys: () => 'psk keys',
} as const
