/**
 * Owns one editor: reads a row in a region, edits it, and sends the edit with one key until somebody says what became
 * of it.
 */
import { isDeepStrictEqual } from 'node:util';
import { sleep } from '../../../src/base/clock.ts';
import { ask, type Answer, type TestApp } from '../app.ts';
import { type Random } from '../random.ts';
import {
  ENTITIES,
  FIELDS,
  newInput,
  type Edit,
  type Fate,
  type Kind,
  type Target,
  type Told,
  type Values,
} from './edits.ts';

/** What all editors of a run share. */
export interface Desk {
  readonly app: Pick<TestApp, 'bearer'>;
  /** Where a region's server answers now. */
  readonly url: (region: string) => string;
  readonly regions: readonly string[];
  readonly targets: readonly Target[];
  /** Longest time that an editor thinks between reading and writing. */
  readonly thinkMs: number;
  /** Editors that do not say which version they saw. */
  readonly blind: boolean;
  /** No edit is begun any more. */
  readonly isOver: () => boolean;
  /** Beyond it nobody waits for an outcome any more (monotonic). */
  readonly patienceEndMs: () => number;
  readonly told: Told[];
  /** What nobody may ever be answered. */
  readonly complaints: string[];
  readonly counts: Map<string, number>;
}

type Row = { readonly row: Values | null };
type Edited = {
  readonly edited: {
    readonly row: Values | null;
    readonly conflict?: {
      readonly reason: string;
      readonly version: number | null;
      readonly fields: readonly string[];
    } | null;
  };
};
type Sent<D> = Answer<D> | { readonly down: string };

const fieldsOf = (kind: Kind): string => ['id', ...FIELDS[kind], 'version'].join(' ');
const lookText = (kind: Kind): string => `query ($id: ID!) { row: ${kind}(id: $id) { ${fieldsOf(kind)} } }`;
const editText = (kind: Kind): string =>
  `mutation ($id: ID!, $seen: Int, $input: ${ENTITIES[kind]}Edit!) { edited: edit${ENTITIES[kind]}(id: $id, expectedVersion: $seen, input: $input) { row { ${fieldsOf(kind)} } ${kind === 'doc' || kind === 'ruled' ? 'conflict { reason version fields }' : ''} token } }`;

const FIRST_PAUSE_MS = 30;
const MAX_PAUSE_MS = 1_500;

export class Editor {
  readonly #name: string;
  readonly #desk: Desk;
  readonly #random: Random;
  #region: string;
  #token = '';
  #edits = 0;

  constructor(name: string, desk: Desk, random: Random, region: string) {
    this.#name = name;
    this.#desk = desk;
    this.#random = random;
    this.#region = region;
  }

  async run(rounds: number): Promise<void> {
    const { isOver, regions, targets, thinkMs, blind, told } = this.#desk;
    for (let round = 0; round < rounds && !isOver(); round += 1) {
      if (this.#random.below(10) === 0) this.#region = this.#random.pick(regions);
      const target = this.#random.pick(targets);
      const base = await this.#look(target);
      if (base === null) continue;
      await sleep(this.#random.below(thinkMs));
      const name = `${this.#name}.${(this.#edits += 1)}`;
      const edit: Edit = {
        name,
        target,
        base,
        expectedVersion: blind ? null : Number(base['version']),
        input: newInput(target, base, name, this.#random),
      };
      told.push({ edit, fate: await this.#sendUntilTold(edit) });
    }
  }

  /** The row as this region shows it, not older than what the editor has seen; null where it could not be read. */
  async #look({ kind, id }: Target): Promise<Values | null> {
    const { patienceEndMs, isOver } = this.#desk;
    for (let tries = 0; performance.now() < patienceEndMs() && !isOver(); tries += 1) {
      const answer = await this.#ask<Row>(this.#region, lookText(kind), { id }, {});
      if (!('down' in answer) && answer.errors.length === 0) {
        if (answer.data?.row) return answer.data.row;
        this.#complain(`read of ${kind} ${id} found no row`);
        return null;
      }
      if (!this.#mayRepeat(answer, `read of ${kind} ${id}`)) return null;
      await this.#pause(tries);
    }
    return null;
  }

  /** With the same key and the same text, in this region or another, now and then in all of them at once. */
  async #sendUntilTold(edit: Edit): Promise<Fate> {
    const { regions, patienceEndMs } = this.#desk;
    const { kind, id } = edit.target;
    // A viewer of its own, so that the audit names the edit.
    const headers = {
      'idempotency-key': `key-of-${edit.name}`,
      authorization: `Bearer ${await this.#desk.app.bearer({ id: edit.name })}`,
    };
    const send = (region: string): Promise<Sent<Edited>> =>
      this.#ask<Edited>(region, editText(kind), { id, seen: edit.expectedVersion, input: edit.input }, headers);
    let last = '';
    for (let tries = 0; tries === 0 || performance.now() < patienceEndMs(); tries += 1) {
      const answers = await Promise.all((this.#random.below(8) === 0 ? regions : [this.#region]).map(send));
      const fates = answers.flatMap((answer) => fateOf(answer) ?? []);
      const [fate] = fates;
      if (fates.some((other) => !isDeepStrictEqual(other, fate)))
        this.#complain(`${edit.name} was told two things of one key: ${JSON.stringify(fates)}`);
      if (fate) return fate;
      last = JSON.stringify(answers.map((answer) => ('down' in answer ? answer.down : answer.errors)));
      if (!answers.every((answer) => this.#mayRepeat(answer, `edit ${edit.name}`))) break;
      // Whoever gets no answer goes elsewhere in the end.
      if (this.#random.below(3) === 0) this.#region = this.#random.pick(regions);
      await this.#pause(tries);
    }
    return { kind: 'unknown', last };
  }

  async #ask<D>(
    region: string,
    text: string,
    variables: Values,
    headers: Readonly<Record<string, string>>,
  ): Promise<Sent<D>> {
    try {
      const answer = await ask<D>(this.#desk.url(region), text, { variables, token: this.#token, headers });
      if (answer.token !== null) this.#token = answer.token;
      if ((answer.consistency as { readonly replayed?: boolean } | null)?.replayed === true) this.#count('replayed');
      return answer;
    } catch (error) {
      // Nobody listens, or whoever listened went away.
      return { down: String((error as Error).cause ?? error) };
    }
  }

  /** Whether the answer leaves the request open, by its own word; anything else is complained of. */
  #mayRepeat(answer: Sent<unknown>, what: string): boolean {
    const codes = 'down' in answer ? ['no server'] : answer.errors.map(({ extensions }) => extensions.code);
    for (const code of codes) this.#count(code);
    if ('down' in answer || answer.errors.every(({ extensions }) => extensions['retryable'] === true)) return true;
    this.#complain(`${what} was answered with ${JSON.stringify(answer.errors)}`);
    return false;
  }

  async #pause(tries: number): Promise<void> {
    const longest = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries, 10));
    await sleep(longest / 2 + this.#random.below(longest / 2));
  }

  #count(what: string): void {
    this.#desk.counts.set(what, (this.#desk.counts.get(what) ?? 0) + 1);
  }

  #complain(text: string): void {
    this.#desk.complaints.push(text);
  }
}

/** Null where the answer does not say what became of the edit. */
function fateOf(answer: Sent<Edited>): Fate | null {
  if ('down' in answer) return null;
  const [error] = answer.errors;
  if (error?.extensions.code === 'CONFLICT') {
    const { reason, version, fields } = error.extensions['details'] as {
      readonly reason: string;
      readonly version: number;
      readonly fields: readonly string[];
    };
    return { kind: 'refused', reason, version, fields };
  }
  if (error || !answer.data) return null;
  const { row, conflict } = answer.data.edited;
  if (conflict) return { kind: 'refused', ...conflict };
  return row === null ? null : { kind: 'done', version: Number(row['version']), row };
}
