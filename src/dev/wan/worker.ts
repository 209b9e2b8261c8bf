/**
 * Owns the thread of the simulated WAN: separate from everything else, so that other work does not make its delays
 * longer.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { controlServer } from './control.ts';
import { SimulatedWan, type SimulatedWanOptions, type SimulatedWanReady } from './simulated-wan.ts';

const wan = new SimulatedWan(workerData as SimulatedWanOptions);
await wan.listen();
const control = await controlServer(wan).listen({ host: '127.0.0.1', port: 0 });
parentPort?.postMessage({ control, links: wan.reports() } satisfies SimulatedWanReady);
