/**
 * Owns the tasks of the reference application as benches read them: their keys and values in the cache, and the
 * statement behind.
 */
import { stacksOf } from '../../src/app/layer.ts';
import { type CacheDemand, type Codec, type FetchRequest } from '../../src/cache/reading.ts';
import { type CacheKey } from '../../src/cache/ports.ts';
import { rowCodec } from '../../src/cache/row-codec.ts';
import { loadConfig } from '../../src/config/load.ts';
import { readSdlFolder } from '../../src/schema-compiler/files.ts';
import { type DataLayer } from '../../src/index.ts';
import { type Entity, type Row } from '../../src/model/model.ts';
import { keyOf } from '../../src/read/loaders/key-loader.ts';
import { type CachedReads } from '../../src/read/ports.ts';
import { type KeyValues } from '../../src/read/sql/parents.ts';
import { rowsByKey } from '../../src/read/sql/rows-by-key.ts';
import { Tenancy } from '../../src/read/sql/tenant.ts';
import { compileSchema } from '../../src/app/schema.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { APPLICATION } from './databases.ts';
import { TASKS } from './queries.ts';

const KEY = ['id'];

/** `count` ids from `first` on, round and round. */
export function idsFrom(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => 1 + ((first + i) % TASKS));
}

/** The model's own view of tasks, from the catalog of the database behind `databaseUrl`. */
export async function taskEntity(databaseUrl: string): Promise<Entity> {
  const config = loadConfig({ settings: { region: 'bench', regions: { bench: { databaseUrl } } }, env: {} });
  const { log } = createTelemetry({ level: 'silent', fields: {} });
  const { model } = await compileSchema({ config, files: readSdlFolder(APPLICATION), resolvers: {}, log });
  const entity = model.entities.get('Task');
  if (entity === undefined) throw new TypeError('the reference application has no tasks');
  return entity;
}

/** An operation of its own, as a request is one: loaders that nobody shares, and a token of what they have read. */
export async function readTasks(layer: DataLayer, ids: readonly number[]): Promise<readonly (Row | null)[]> {
  const operation = layer.loaders();
  const rows = await Promise.all(ids.map((id) => operation.loaders.one('Task', KEY, [id])));
  operation.token();
  await operation.close();
  return rows;
}

/** Reads tasks through the cache of a layer, without loaders around it. */
export class CachedTasks {
  readonly #entity: Entity;
  readonly #caching: NonNullable<ReturnType<ReturnType<typeof stacksOf>['change']['caching']['for']>>;
  readonly #reads: CachedReads;
  readonly codec: Codec<Row | null>;

  constructor(layer: DataLayer, entity: Entity) {
    const caching = stacksOf(layer).change.caching.for({ tenancy: Tenancy.all, settingsKey: '' });
    const { caching: reads } = stacksOf(layer)
      .read.openSession()
      .executor({ level: 'EVENTUAL', floor: null, maxLagMs: null });
    if (caching === null || reads === undefined) throw new TypeError('the layer caches nothing');
    this.#entity = entity;
    this.#caching = caching;
    this.#reads = reads;
    this.codec = rowCodec(entity);
  }

  async demand(): Promise<CacheDemand> {
    const demand = await this.#reads.demand();
    if (demand === null) throw new TypeError('the cache may not be asked');
    return demand;
  }

  /** Everything that a loader does around a fetch for the sake of the cache: naming, fetching. */
  async fetch(ids: readonly number[], demand: CacheDemand): Promise<readonly (Row | null)[]> {
    return (await this.#caching.cache.fetch(this.#request(ids, demand))).values;
  }

  #request(ids: readonly number[], demand: CacheDemand): FetchRequest<Row | null> {
    const keys = ids.map((id) => keyOf({ entity: this.#entity, columns: KEY }, [String(id)]) as KeyValues);
    return {
      keys: keys.map((key) => this.#key(key)),
      demand,
      keeping: this.#entity.caching,
      codec: this.codec,
      load: (places) => this.#load(places.map((place) => keys[place] as KeyValues)),
    };
  }

  #key(values: KeyValues): CacheKey {
    return { tags: [this.#caching.tags.tagFor(this.#entity, KEY, values)], variant: 'bench' };
  }

  async #load(keys: readonly KeyValues[]): ReturnType<FetchRequest<Row | null>['load']> {
    const batch = rowsByKey({ entity: this.#entity, columns: KEY }, keys);
    const { rows, seen, asOf } = await this.#reads.answer(batch.statement);
    return { values: batch.rowsOf(rows), seen, asOf };
  }
}
