/**
 * Random histories through the caches: whatever is answered was true at the floor or later, whatever is kept is right;
 * and broken guards are found out.
 */
import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { test } from 'node:test';
import * as regionModule from '../../../src/cache/region-cache.ts';
import * as localModule from '../../../src/cache/local.ts';
import { runHistory, type Caches } from './history-run.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const HISTORIES = 60;
const STEPS = 400;

test(`no history has a violation (SEED=${SEED})`, async () => {
  const total = { reads: 0, local: 0, shared: 0, loads: 0 };
  for (let n = 0; n < HISTORIES; n += 1) {
    const { violation, ...counts } = await runHistory({
      seed: SEED + n,
      steps: STEPS,
      caches: { ...localModule, ...regionModule },
    });
    assert.equal(violation, null, `SEED=${SEED + n}: ${violation}`);
    for (const name of ['reads', 'local', 'loads'] as const) total[name] += counts[name];
  }
  // Else it would prove nothing.
  assert.ok(total.local > total.reads / 10, JSON.stringify(total));
});

/** Decisions of the guard, and what they answer instead; `unbroken` is what they were. */
const BROKEN: Readonly<Record<string, { readonly decision: string; readonly instead: string }>> = {
  'the test of the watermark': { decision: 'mayServe', instead: 'true' },
  'the test of what others read': { decision: 'mayShare', instead: 'true' },
  'the guard of fills': { decision: 'mayKeep', instead: 'true' },
  tombstones: { decision: 'mayKeep', instead: 'unbroken(args[0], { ...args[1], tombstone: null })' },
  'the horizon': { decision: 'mayKeep', instead: 'unbroken(args[0], { ...args[1], horizon: 0n })' },
  invalidation: { decision: 'isInvalidated', instead: 'false' },
  'asOf from before the read': { decision: 'asOfIn', instead: 'args[1].asOf === null ? null : args[1].seen.lsn' },
  'leaving alone what other regions answered': {
    decision: 'asOfIn',
    instead: 'unbroken(args[0], { ...args[1], asOf: "watermark" })',
  },
};

/** The caches with one decision broken: modules of their own, by a query on every address. */
async function broken(what: string, n: number): Promise<Caches> {
  const { decision, instead } = BROKEN[what] as (typeof BROKEN)[string];
  const mark = `?broken=${n}`;
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      return context.parentURL?.endsWith(mark) === true && resolved.url.includes('/src/cache/')
        ? { ...resolved, url: `${resolved.url.split('?')[0]}${mark}` }
        : resolved;
    },
    load(url, context, next) {
      const loaded = next(url, context);
      if (!url.endsWith(`/guard.ts${mark}`)) return loaded;
      const source = Buffer.from(loaded.source as Uint8Array).toString();
      const declared = `export function ${decision}(`;
      assert.ok(source.includes(declared), `the guard has no ${decision}`);
      return {
        ...loaded,
        source: source.replace(
          declared,
          `export function ${decision}(...args: any): any { return ${instead}; }\nconst unbroken: any = function (`,
        ),
      };
    },
  });
  try {
    const [local, region] = (await Promise.all([
      import(`../../../src/cache/local.ts${mark}`),
      import(`../../../src/cache/region-cache.ts${mark}`),
    ])) as [typeof localModule, typeof regionModule];
    return { LocalCache: local.LocalCache, RegionCache: region.RegionCache };
  } finally {
    hooks.deregister();
  }
}

for (const [n, what] of Object.keys(BROKEN).entries()) {
  test(`without ${what} a history has a violation (SEED=${SEED})`, async () => {
    const caches = await broken(what, n);
    for (let history = 0; history < HISTORIES * 5; history += 1) {
      const { violation } = await runHistory({ seed: SEED + history, steps: STEPS, caches });
      if (violation !== null) return;
    }
    assert.fail(`no history of ${HISTORIES * 5} noticed that ${what} is missing`);
  });
}
