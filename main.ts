import { startTelemetry } from './telemetry.js';

/** Runs the service's process, to its end; what it needs has been set up. */
export async function main(): Promise<void> {
  const telemetry = await startTelemetry(process.env);
  // Loaded only now: what was loaded before the telemetry would not be traced.
  const { start } = await import('./server.js');
  try {
    await start();
  } finally {
    await telemetry?.stop();
  }
}
