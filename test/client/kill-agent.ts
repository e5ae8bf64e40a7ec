/**
 * The agent of `kill.test.ts`, in a process of its own: `node kill-agent.ts <KillAgentSetup as JSON>`. Fetches what it was sent
 * for: takes up what an earlier process has paid for, or pays. Tells when a payment is on its way, and the answer.
 */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { payFetch } from '../../src/client/pay-fetch.ts'
import { authorizationDigest } from '../../src/evm/authorization.ts'
import type { Signer } from '../../src/evm/signer.ts'
import { fromHex, type Hex, toHex } from '../../src/lib/hex.ts'
import type { Address } from '../../src/payments/address.ts'
import { USDC_ON_BASE_SEPOLIA } from '../../src/payments/stablecoins.ts'
import { sqlite } from '../../src/stores/sqlite.ts'

/** What the process needs; JSON. */
export interface KillAgentSetup {
  /** SQLite file of the journal. */
  readonly file: string
  readonly url: string
  readonly address: Address
  readonly privateKey: Hex
}

/** What it tells. */
export type KillAgentNews = { readonly sent: true } | { readonly answer: string }

const { file, url, address, privateKey } = JSON.parse(process.argv[2] ?? '') as KillAgentSetup
const tell = (news: KillAgentNews): void => void process.send?.(news)

/** Signs authorizations without a chain library, which would take longer to load than the rest does to run. */
const wallet: Signer = {
  address,
  async signTypedData({ message }) {
    const digest = authorizationDigest('eip155:84532', USDC_ON_BASE_SEPOLIA, message as never)
    const signature = secp256k1.sign(digest, fromHex(privateKey), { prehash: false, format: 'recovered' })
    const [recovery = 0, ...rest] = signature
    return toHex(Uint8Array.of(...rest, 27 + recovery))
  },
}

const pay = payFetch({
  wallet,
  budget: { total: '100' },
  store: sqlite(file),
  onEvent: ({ type }) => {
    if (type === 'sent') tell({ sent: true })
  },
})

const [earlier] = (await pay.attempts()).filter(
  ({ request, state }) => request.url === url && state !== 'failed',
)
const answer = (earlier && (await pay.resume(earlier.id))) ?? (await pay(url))
tell({ answer: `${answer.status} ${await answer.text()}` })
process.disconnect()
