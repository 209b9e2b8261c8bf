/** Owns a run of many editors over a few fresh rows, with or without somebody who breaks things meanwhile. */
import { sleep } from '../../../src/base/clock.ts';
import { EU, US, type TestApp } from '../app.ts';
import { seeded } from '../random.ts';
import { Editor, type Desk } from './editor.ts';
import { TABLES, type Kind, type Target, type Told } from './edits.ts';

export interface EditorsRun {
  readonly targets: readonly Target[];
  readonly told: readonly Told[];
  readonly complaints: readonly string[];
  /** What was answered beside outcomes, and how often. */
  readonly counts: ReadonlyMap<string, number>;
  readonly ms: number;
}

export interface RunOptions {
  readonly seed: number;
  readonly editors: number;
  /** Edits that each of them makes. */
  readonly rounds: number;
  readonly thinkMs?: number;
  /** No edit begins later. */
  readonly limitMs: number;
  readonly blind?: boolean;
  /** Where a region's server answers; default the application's. */
  readonly url?: (region: string) => string;
  /** Breaks things while editors work, and leaves them whole. They work on until it has ended. */
  readonly trouble?: () => Promise<void>;
}

/** Half of the rows are merged: there is most to prove. */
const ROWS: Readonly<Record<Kind, number>> = { doc: 8, note: 4, plain: 4, ruled: 4 };
const REGIONS = [EU, US];
/** After everything is whole again. */
const PATIENCE_MS = 30_000;

let used = 0;

async function freshRows({ cluster }: TestApp): Promise<readonly Target[]> {
  const targets: Target[] = [];
  for (const kind of Object.keys(ROWS) as Kind[]) {
    const ids = Array.from({ length: ROWS[kind] }, () => String((used += 1)));
    await cluster.query(cluster.primary.name, `INSERT INTO ${TABLES[kind]} (id) SELECT unnest($1::bigint[])`, [ids]);
    targets.push(...ids.map((id) => ({ kind, id })));
  }
  await cluster.caughtUp();
  return targets;
}

export async function runEditors(app: TestApp, options: RunOptions): Promise<EditorsRun> {
  const { seed, editors, rounds, thinkMs = 60, limitMs, blind = false, trouble } = options;
  const targets = await freshRows(app);
  const beganMs = performance.now();
  let isWhole = false;
  let wholeMs = Infinity;
  const desk: Desk = {
    app,
    regions: REGIONS,
    targets,
    thinkMs,
    blind,
    url: options.url ?? ((region) => app.server(region).url),
    isOver: () => isWhole && performance.now() > beganMs + limitMs,
    patienceEndMs: () => wholeMs + PATIENCE_MS,
    told: [],
    complaints: [],
    counts: new Map(),
  };
  const breaking = async (): Promise<void> => {
    try {
      await trouble?.();
    } finally {
      isWhole = true;
      wholeMs = performance.now() + (trouble ? 0 : limitMs);
    }
  };
  const working = Array.from({ length: editors }, async (_, i) => {
    const random = seeded(seed * 1_000 + i);
    // Not all in the same moment.
    await sleep(random.below(thinkMs));
    await new Editor(`e${used}-${i}`, desk, random, REGIONS[i % REGIONS.length] ?? EU).run(rounds);
  });
  await Promise.all([...working, breaking()]);
  return {
    targets,
    told: desk.told,
    complaints: desk.complaints,
    counts: desk.counts,
    ms: performance.now() - beganMs,
  };
}
