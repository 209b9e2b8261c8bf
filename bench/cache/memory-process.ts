/**
 * Owns a process that fills one kind of memory with rows and prints by how many bytes its heap has grown. Arguments:
 * the kind, a database's URL, the rows' file.
 */
import { readFileSync } from 'node:fs';
import { LocalCache } from '../../src/cache/local.ts';
import { rowCodec } from '../../src/cache/row-codec.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { taskEntity } from '../support/tasks.ts';
import { AT, itemOf, type Stored } from './entries.ts';

const [kind, databaseUrl = '', file = ''] = process.argv.slice(2);
const entity = await taskEntity(databaseUrl);
const codec = rowCodec(entity);
const content = readFileSync(file);

/** One after the other, each with a string of its own: parts of one string would keep the whole. */
function* stored(): Generator<Stored> {
  for (let from = 0; from < content.length;) {
    const tab = content.indexOf('\t', from);
    const end = content.indexOf('\n', tab);
    yield { id: content.toString('utf8', from, tab), body: content.toString('utf8', tab + 1, end) };
    from = end + 1;
  }
}

function fillMap<V>(valueOf: (body: string) => V): Map<string, V> {
  const map = new Map<string, V>();
  for (const { id, body } of stored()) map.set(id, valueOf(body));
  return map;
}

function fillCache(isRead: boolean): LocalCache {
  const cache = new LocalCache(defaultOptions());
  cache.begin({ epoch: 'bench', cluster: AT.cluster, timeline: AT.timeline }, AT.lsn);
  for (const one of stored()) {
    const item = itemOf(entity, one);
    if (cache.fill('bench', [item])[0] !== 'stored') throw new Error('the cache did not keep everything');
    if (isRead) cache.lookup([item.key])[0]?.body.by(codec);
  }
  return cache;
}

const FILLS: Readonly<Record<string, () => unknown>> = {
  texts: () => fillMap((body) => body),
  rows: () => fillMap((body) => codec.decode(body)),
  kept: () => fillCache(false),
  read: () => fillCache(true),
};

function heapBytes(): number {
  for (let i = 0; i < 3; i += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const before = heapBytes();
const filled = FILLS[kind ?? '']?.();
const grown = heapBytes() - before;
if (filled === undefined) throw new RangeError(`there is no kind of memory ${kind}`);
console.log(grown);
