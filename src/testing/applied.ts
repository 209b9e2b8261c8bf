/** Owns waiting until a region's server has told its caches of everything up to a position. */
import { sleep } from '../base/clock.ts';
import { MeridianError } from '../base/errors.ts';
import { parseLsn } from '../base/lsn.ts';
import { type RegionServer } from '../dev/servers.ts';

const POLL_MS = 10;
const CALL_MS = 2_000;
const WATERMARK = /^meridian_tail_watermark_bytes(?:\{[^}]*\})? (\S+)$/m;

/** Throws `CONSISTENCY_TIMEOUT` after `limitMs`. */
export async function untilApplied({ url, region }: RegionServer, lsn: string, limitMs: number): Promise<void> {
  const wanted = Number(parseLsn(lsn));
  for (const until = performance.now() + limitMs; ; await sleep(POLL_MS)) {
    if ((await watermarkAt(url)) >= wanted) return;
    if (performance.now() > until)
      throw new MeridianError({
        code: 'CONSISTENCY_TIMEOUT',
        message: `The server of ${region} has not applied ${lsn} to its caches within ${limitMs} ms; look into its log for why its tail stands still.`,
      });
  }
}

/** 0 while the server does not answer or has applied nothing yet, which the caller's time limit bounds. */
async function watermarkAt(url: string): Promise<number> {
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(CALL_MS) });
    return Number(WATERMARK.exec(await response.text())?.[1] ?? 0);
  } catch {
    return 0;
  }
}
