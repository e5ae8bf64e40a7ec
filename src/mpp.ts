/** MPP: the Payment scheme of HTTP authentication, paid on Tempo and on EVM chains. */
export { type EvmOptions, evm } from './protocols/mpp/evm.ts'
export { type MppOptions, mpp } from './protocols/mpp/index.ts'
export type { Method } from './protocols/mpp/method.ts'
export { type TempoOptions, tempo } from './protocols/mpp/tempo.ts'
