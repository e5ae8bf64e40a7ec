import { readFileSync } from 'node:fs'
import solc from 'solc'

/** What is kept of a compiled contract: enough to plant it on a chain and to call it. */
export interface Artifact {
  readonly compiler: string
  readonly abi: readonly unknown[]
  /** Runtime code, for `anvil_setCode`: constructors do not run. */
  readonly code: `0x${string}`
}

/**
 * Compiles every contract of a source file in this folder, without interfaces.
 *
 * @throws Error with the compiler's messages.
 */
export function compile(file: string): Record<string, Artifact> {
  const output = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: 'Solidity',
        sources: { [file]: { content: readFileSync(new URL(file, import.meta.url), 'utf8') } },
        settings: {
          evmVersion: 'cancun',
          optimizer: { enabled: true, runs: 200 },
          metadata: { bytecodeHash: 'none', appendCBOR: false },
          outputSelection: { '*': { '*': ['abi', 'evm.deployedBytecode.object'] } },
        },
      }),
    ),
  )
  const errors = (output.errors ?? []).filter((error: { severity: string }) => error.severity === 'error')
  if (errors.length > 0)
    throw new Error(errors.map((error: { formattedMessage: string }) => error.formattedMessage).join('\n'))
  const artifacts: Record<string, Artifact> = {}
  for (const [name, contract] of Object.entries<CompiledContract>(output.contracts[file])) {
    const code = contract.evm.deployedBytecode.object
    if (code !== '') artifacts[name] = { compiler: solc.version(), abi: contract.abi, code: `0x${code}` }
  }
  return artifacts
}

interface CompiledContract {
  readonly abi: readonly unknown[]
  readonly evm: { readonly deployedBytecode: { readonly object: string } }
}
