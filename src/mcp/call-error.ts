/** A call that makes no sense. Its message is for models. */
export class CallError extends Error {
  override readonly name = 'CallError'
}
