import type { Adapter } from './adapter.ts'
import { proveAfter } from './contract-after.ts'
import { proveAnswers } from './contract-answers.ts'
import { proveFailures } from './contract-failures.ts'
import { proveRepeats } from './contract-repeats.ts'
import { proveRequests } from './contract-requests.ts'
import { type AdapterRunner, createProver } from './prover.ts'

/**
 * Proves that an adapter only translates: whatever the gate decides reaches the wire, however the handler
 * answers.
 */
export function adapterContract(runner: AdapterRunner, adapter: Adapter): void {
  const prover = createProver(runner, adapter)
  proveRequests(prover)
  proveAnswers(prover)
  proveFailures(prover)
  proveRepeats(prover)
  proveAfter(prover)
}
