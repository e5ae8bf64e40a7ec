/** What everybody sells: a report for one cent, in USDC on Base Sepolia or in pathUSD on Tempo's test network. */
export const REPORT_URL = 'https://api.example.com/report'
export const REALM = 'api.example.com'
export const DESCRIPTION = 'One report'
export const PRICE = '0.01'
export const SELLER = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8'

export const EVM_CHAIN = 84532
export const TEMPO_CHAIN = 42431
export const USDC = {
  address: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  decimals: 6,
  domain: { name: 'USDC', version: '2' },
} as const

/** Signs the challenges of Coffer and of mppx, so that both know those of either. */
export const SECRET = 'a secret of thirty-two bytes, or more'

/** Nobody listens here, so that nothing in process can secretly be a call. */
export const NOWHERE = 'http://127.0.0.1:1'

/** Field that carries session ids. */
export const SESSION = 'x-prudra-session-id'
