/** The x402 protocol for {@link createCoffer}. */
export { type FacilitatorOptions, facilitator } from './protocols/x402/facilitator.ts'
export { type X402Options, x402 } from './protocols/x402/index.ts'
