/** The x402 protocol, and the facilitators that may settle for it. */
export { type CoinbaseOptions, coinbase } from './protocols/x402/coinbase.ts'
export {
  type Facilitator,
  type FacilitatorCall,
  type FacilitatorOptions,
  facilitator,
  type SupportedKind,
} from './protocols/x402/facilitator.ts'
export { type X402Options, x402 } from './protocols/x402/index.ts'
