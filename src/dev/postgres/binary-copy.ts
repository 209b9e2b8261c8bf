/**
 * Owns copies of PostgreSQL's programs outside a home folder that only its owner may enter: they are created
 * atomically, and used only if they belong to this user.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  type Stats,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { explain } from '../problems.ts';

export interface BinaryPackage {
  readonly root: string;
  /** `root/native`: bin, lib, share. */
  readonly home: string;
  readonly version: string;
}

/** Folders that every account may enter; the first one that works is used. */
const BASES = (): string[] => [...new Set(['/var/tmp', tmpdir()])].filter((base) => existsSync(base));
/** Number of names to try if the first one belongs to somebody else. */
const TRIES = 8;

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Includes version and content: another package, or a changed one, gets its own copy. */
function keyOf({ home, version }: BinaryPackage, files: readonly string[]): string {
  const hash = createHash('sha256').update(version);
  for (const file of files) hash.update(`\0${file}\0${statSync(join(home, file)).size}`);
  hash.update(readFileSync(join(home, 'bin', 'postgres')));
  return `${version}-${hash.digest('hex').slice(0, 12)}`;
}

/**
 * A folder in a place that everyone may write to is used only if it belongs to this user and nobody else could have
 * changed it.
 */
export function isOurs(stats: Stats): boolean {
  return stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0;
}

function isWhole(copy: string, source: string, files: readonly string[]): boolean {
  return files.every((file) => {
    const there = lstatSync(join(copy, file), { throwIfNoEntry: false });
    return there?.isFile() === true && there.size === statSync(join(source, file)).size;
  });
}

/** npm stores no symbolic links; the package lists them, and its install script restores them if scripts may run. */
function restoreLinks({ root }: BinaryPackage, copy: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(copy, relative('native', target));
    if (!existsSync(link)) symlinkSync(basename(source), link);
    if (dirname(source) !== dirname(target)) throw new RangeError(`${target} links to another folder`);
  }
}

function make(found: BinaryPackage, files: readonly string[], place: string): void {
  const unfinished = mkdtempSync(`${place}.`);
  try {
    cpSync(found.home, unfinished, { recursive: true, verbatimSymlinks: true });
    restoreLinks(found, unfinished);
    for (const entry of readdirSync(unfinished, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isDirectory() || (entry.isFile() && basename(entry.parentPath) === 'bin')) chmodSync(path, 0o755);
      else if (entry.isFile()) chmodSync(path, 0o644);
    }
    chmodSync(unfinished, 0o755);
    renameSync(unfinished, place);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // Another start may have created the same copy first, which is equally good.
    const there = lstatSync(place, { throwIfNoEntry: false });
    if (!there || !isOurs(there) || !isWhole(place, found.home, files)) throw error;
  }
}

/** Candidate copies, best first, each created when it is asked for. */
export function* reachableCopies(found: BinaryPackage, bases: readonly string[] = BASES()): Generator<string> {
  const files = filesUnder(found.home);
  const key = keyOf(found, files);
  for (const base of bases) {
    const place = ourPlace(base, `meridian-postgres-${key}`);
    if (place === undefined) continue;
    try {
      if (existsSync(place) && !isWhole(place, found.home, files)) rmSync(place, { recursive: true, force: true });
      if (!existsSync(place)) make(found, files, place);
    } catch (error) {
      throw explain(error, `A copy of PostgreSQL's programs in ${base}`);
    }
    yield place;
  }
}

/** The first name in `base` that is free or belongs to this user. */
export function ourPlace(base: string, name: string): string | undefined {
  for (let i = 0; i < TRIES; i += 1) {
    const place = join(base, i === 0 ? name : `${name}-${i}`);
    const there = lstatSync(place, { throwIfNoEntry: false });
    if (!there || isOurs(there)) return place;
  }
  return undefined;
}
