/** Owns the thread that the ocean runs in: apart from everything else, so that nobody's work makes its delays late. */
import { parentPort, workerData } from 'node:worker_threads';
import { controlServer } from './control.ts';
import { Ocean, type OceanOptions, type OceanReady } from './ocean.ts';

const ocean = new Ocean(workerData as OceanOptions);
await ocean.listen();
const control = await controlServer(ocean).listen({ host: '127.0.0.1', port: 0 });
parentPort?.postMessage({ control, links: ocean.reports() } satisfies OceanReady);
