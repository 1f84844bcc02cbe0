/** What data entries and secrets are called, what bounds them, and by which event nodes hear of them. */
export const entryKinds = {
  data: {
    noun: 'data entry',
    nouns: 'data entries',
    limit: 'node_data_entries',
    event: 'node_state_updated',
  },
  secret: {
    noun: 'secret',
    nouns: 'secrets',
    limit: 'node_secrets',
    event: 'node_secrets_updated',
  },
} as const
