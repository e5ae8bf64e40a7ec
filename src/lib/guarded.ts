/**
 * Calls what somebody else wrote and nothing may depend on. Not waited for: what it throws, or what a promise that it
 * returns rejects with, goes to `onError`.
 */
export function callGuarded(call: () => unknown, onError: (error: unknown) => void): void {
  try {
    Promise.resolve(call()).catch(onError)
  } catch (error) {
    onError(error)
  }
}
