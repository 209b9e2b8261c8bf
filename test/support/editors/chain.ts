/**
 * Owns the chain of a row's versions: each was written by exactly one acknowledged edit, out of the one before, and the
 * audit says the same.
 */
import { isDeepStrictEqual } from 'node:util';
import { spelled, wrongEffects } from './effects.ts';
import { FIELDS, type Edit, type Fate, type Told, type Values } from './edits.ts';
import { type Evidence, type Record } from './evidence.ts';
import { type Finding, type FindingKind } from './judge.ts';

type Done = { readonly edit: Edit; readonly fate: Extract<Fate, { kind: 'done' }> };
type Refused = { readonly edit: Edit; readonly fate: Extract<Fate, { kind: 'refused' }> };

export function chainFindings(evidence: Evidence, told: readonly Told[]): readonly Finding[] {
  return new Chain(evidence, told).findings;
}

class Chain {
  readonly findings: Finding[] = [];
  readonly #evidence: Evidence;
  readonly #versions = new Map<number, Values>();
  readonly #texts: readonly string[];
  readonly #records: ReadonlyMap<string, readonly Record[]>;

  constructor(evidence: Evidence, told: readonly Told[]) {
    this.#evidence = evidence;
    this.#texts = evidence.versions.map((version) => JSON.stringify(version));
    this.#records = Map.groupBy(evidence.audit, ({ viewer }) => viewer);
    this.#line();
    const done = told.filter((one): one is Done => one.fate.kind === 'done');
    for (const { edit } of told) this.#shown(edit);
    for (const one of done) this.#done(one);
    for (const one of told) if (one.fate.kind === 'refused') this.#refused(one as Refused);
    this.#claims(done);
    const names = new Set(told.map(({ edit }) => edit.name));
    for (const viewer of this.#records.keys())
      if (!names.has(viewer)) this.#find('audit', `there is a record of ${viewer}, who never edited it`);
  }

  /** Versions follow each other by one, the row is the last, and the others are kept where a policy needs them. */
  #line(): void {
    const {
      versions,
      row,
      history,
      target: { kind },
    } = this.#evidence;
    for (const [index, version] of versions.entries()) {
      if (Number(version['version']) !== index + 1)
        this.#find('version', `what was written as number ${index + 1} is version ${String(version['version'])}`);
      this.#versions.set(Number(version['version']), version);
    }
    if (!isDeepStrictEqual(row, versions.at(-1)))
      this.#find('version', `the row is not its last version: ${JSON.stringify(row)}`);
    if ((kind === 'doc' || kind === 'ruled') && !isDeepStrictEqual(history, versions.slice(0, -1)))
      this.#find(
        'version',
        `${history.length} versions are kept of ${versions.length - 1} older ones, or they are not as they were`,
      );
  }

  #shown({ name, base }: Edit): void {
    if (!this.#is(base, Number(base['version'])))
      this.#find(
        'shown',
        `${name} was shown version ${String(base['version'])} as it never was: ${JSON.stringify(base)}`,
      );
  }

  #done({ edit, fate }: Done): void {
    const { name, expectedVersion } = edit;
    const after = this.#versions.get(fate.version);
    if (after === undefined)
      return this.#find('version', `${name} was acknowledged with version ${fate.version}, which never was`);
    if (!this.#is(fate.row, fate.version))
      this.#find('shown', `${name} was told version ${fate.version} as it never was: ${JSON.stringify(fate.row)}`);
    const record = this.#recordOf(edit);
    const wrote = this.#wrote(edit);
    // One that changed nothing is as good as in the version that it met.
    const before = wrote ? this.#versions.get(fate.version - 1) : after;
    if (before === undefined) return;
    for (const wrong of wrongEffects(edit, before, after, record !== null))
      this.#find('effect', `version ${fate.version}, by ${name} who saw ${String(edit.base['version'])}: ${wrong}`);
    if (expectedVersion === null) return;
    const met = wrote ? fate.version - 1 : fate.version;
    if ((met !== expectedVersion) !== (record !== null))
      this.#find(
        'audit',
        `${name} saw version ${expectedVersion} and met ${met}: ${record === null ? 'no record' : 'a record'} of it`,
      );
    if (this.#evidence.target.kind === 'plain' && met !== expectedVersion)
      this.#find('version', `${name} wrote version ${fate.version} and had seen ${expectedVersion}`);
    if (record === null) return;
    this.#agrees(edit, record, { version: met, newVersion: fate.version, result: fate.version });
    if (record.outcome !== OUTCOMES[this.#evidence.target.kind])
      this.#find('audit', `the record of ${name} says ${record.outcome}`);
  }

  #refused({ edit, fate }: Refused): void {
    const {
      name,
      expectedVersion,
      input,
      target: { kind },
    } = edit;
    const record = this.#recordOf(edit);
    const [seen, met] = [this.#versions.get(expectedVersion ?? 0), this.#versions.get(fate.version ?? 0)];
    if (
      kind === 'note' ||
      fate.reason !== 'CHANGED' ||
      seen === undefined ||
      met === undefined ||
      fate.version === expectedVersion
    )
      return this.#find('refusal', `${name} was refused with ${JSON.stringify(fate)}`);
    // The title is all that MERGE and the handler refuse here.
    if (kind !== 'plain' && !isDeepStrictEqual(fate.fields, ['title']))
      this.#find('refusal', `${name} was refused for ${fate.fields.join()}`);
    if (kind === 'doc' && (seen['title'] === met['title'] || met['title'] === input['title']))
      this.#find('refusal', `${name} was refused, and nobody else had changed the title`);
    const trace = new RegExp(`\\b${name.replace('.', '\\.')}\\b`);
    const traced = this.#texts.findIndex((text) => trace.test(text));
    if (traced >= 0) this.#find('refusal', `${name} was refused, and is in version ${traced + 1}`);
    if (record === null) return this.#find('audit', `${name} was refused, and there is no record of it`);
    this.#agrees(edit, record, { version: fate.version ?? 0, newVersion: fate.version ?? 0, result: null });
    if (record.outcome !== 'REJECTED' || record.reason !== fate.reason || record.winner !== 'CURRENT')
      this.#find('audit', `the record of ${name}, who was refused, says ${record.outcome}`);
  }

  /** Each version but the first belongs to one acknowledged edit, and each of those that wrote has one. */
  #claims(done: readonly Done[]): void {
    const claims = Map.groupBy(
      done.filter(({ edit }) => this.#wrote(edit)),
      ({ fate }) => fate.version,
    );
    for (const version of this.#versions.keys()) {
      const writers = claims.get(version) ?? [];
      if (version > 1 && writers.length === 0) this.#find('version', `nobody was told of version ${version}`);
      if (writers.length > (version === 1 ? 0 : 1))
        this.#find('version', `version ${version} was acknowledged to ${writers.map(({ edit }) => edit.name).join()}`);
    }
  }

  /** What the record says was seen, met and made of it is what was there. */
  #agrees(
    edit: Edit,
    record: Record,
    expected: { readonly version: number; readonly newVersion: number; readonly result: number | null },
  ): void {
    const {
      name,
      target: { kind },
      expectedVersion,
      input,
    } = edit;
    const { seenVersion, version, newVersion, base, current, incoming, result } = record;
    if (seenVersion !== expectedVersion || version !== expected.version || newVersion !== expected.newVersion)
      this.#find(
        'audit',
        `the record of ${name} says that ${seenVersion} met ${version} and came to ${newVersion}; it was ${JSON.stringify({ ...expected, expectedVersion })}`,
      );
    if (!this.#is(current, version))
      this.#find(
        'audit',
        `the record of ${name} has another version ${version} than there was: ${JSON.stringify(current)}`,
      );
    if (expected.result === null ? result !== null : result === null || !this.#is(result, expected.result))
      this.#find(
        'audit',
        `the record of ${name} has another result than ${expected.result}: ${JSON.stringify(result)}`,
      );
    const needsBase = kind === 'doc' || kind === 'ruled';
    if (base === null ? needsBase : !this.#is(base, seenVersion))
      this.#find(
        'audit',
        `the record of ${name} has another version ${seenVersion} than was seen: ${JSON.stringify(base)}`,
      );
    const wanted = Object.keys(input);
    if (
      !isDeepStrictEqual(Object.keys(incoming).sort(), [...wanted].sort()) ||
      wanted.some((field) => spelled(field, incoming[field]) !== spelled(field, input[field]))
    )
      this.#find(
        'audit',
        `the record of ${name} says that it wanted ${JSON.stringify(incoming)}, which was ${JSON.stringify(input)}`,
      );
  }

  /**
   * Whether an acknowledged edit made a version: one whose fields all came to what was there did not, as its record
   * says.
   */
  #wrote(edit: Edit): boolean {
    const record = this.#records.get(edit.name)?.[0];
    return record === undefined || record.newVersion !== record.version;
  }

  #recordOf({ name }: Edit): Record | null {
    const records = this.#records.get(name) ?? [];
    if (records.length > 1) this.#find('audit', `there are ${records.length} records of ${name}`);
    return records[0] ?? null;
  }

  #is(row: Values, version: number): boolean {
    const there = this.#versions.get(version);
    return (
      there !== undefined &&
      FIELDS[this.#evidence.target.kind].every(
        (field) => spelled(field, row[field] ?? null) === spelled(field, there[field] ?? null),
      )
    );
  }

  #find(kind: FindingKind, text: string): void {
    this.findings.push({ kind, text });
  }
}

const OUTCOMES = { doc: 'MERGED', note: 'OVERWRITTEN', plain: 'REJECTED', ruled: 'HANDLED' } as const;
