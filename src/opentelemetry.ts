/** Coffer in OpenTelemetry. Needs the package `@opentelemetry/api`. */
export { type OpenTelemetry, type OpenTelemetryOptions, openTelemetry } from './tracing/open-telemetry.ts'
