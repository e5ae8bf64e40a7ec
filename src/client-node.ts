/** What agents on Node, Bun and Deno have besides: files for keys and for their journal. */
export { agentFile } from './client/agent-file.ts'
export { createKeyFile, openKeyFile, readKeyFileAddress } from './client/key-file.ts'
export type { Signer } from './evm/signer.ts'
export type { Hex } from './lib/hex.ts'
export type { Address } from './payments/address.ts'
export { CofferError, type CofferErrorCode } from './problems/error.ts'
export type { Store } from './stores/store.ts'
