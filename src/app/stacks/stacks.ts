/**
 * Owns the construction of a region in one process: its stacks, in the order in which they start. Every adapter is
 * created in one of them.
 */
import { type Config } from '../../config/load.ts';
import { type Telemetry } from '../../telemetry/telemetry.ts';
import { ChangeStack, type KnownSchema } from './change.ts';
import { createGround, type Ground } from './ground.ts';
import { HealthStack } from './health.ts';
import { ReadStack } from './read.ts';
import { WriteStack } from './write.ts';

export interface Stacks extends Ground {
  readonly health: HealthStack;
  readonly change: ChangeStack;
  readonly read: ReadStack;
  readonly write: WriteStack;
}

export function createStacks(config: Config, telemetry: Telemetry, schema: KnownSchema | null): Stacks {
  const ground = createGround(config, telemetry);
  const health = new HealthStack(ground, {
    shown: () => change.replayed.lsn,
    cacheReport: (region) => change.caching.report(region),
  });
  const change: ChangeStack = new ChangeStack(ground, health, schema);
  return {
    ...ground,
    health,
    change,
    read: new ReadStack(ground, health, change),
    write: new WriteStack(ground, health),
  };
}

/** Each stack needs what the previous ones have started to learn. */
export async function startStacks({ health, change, read, write }: Stacks): Promise<void> {
  await health.start();
  await change.start();
  await Promise.all([read.start(), write.start()]);
}

/** Stops in reverse order; never throws. */
export async function stopStacks({ health, change, read, write }: Stacks): Promise<void> {
  await change.stop();
  await Promise.allSettled([read.stop(), write.stop()]);
  await health.stop();
}
