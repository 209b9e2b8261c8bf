/** Owns one run of load: who sends what when, how long each answer took, and whether it was right. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../support/measure.ts';
import { headerOf, HttpConnection, type HttpAnswer } from './connection.ts';
import { type LoadOrder, type LoadReport } from './order.ts';
import { requestsOf, shownTasks, type Data, type Requests } from './requests.ts';
import { Writers } from './writers.ts';

/** Every one is looked through for errors; comparing costs more. */
const COMPARE_EVERY = 20;
const EXAMPLES = 3;
const EXAMPLE_CHARACTERS = 600;
const ANSWER_MS = 10_000;
const READS_PER_WRITE = 19;
const OK = 200;
const ERRORS = '"errors":';
const TICK_MS = 1;
/**
 * How long requests are sent at a rate before their latencies count: 64 connections that have just been opened, and a
 * server that has just answered somebody else, make the first requests wait.
 */
const LEAD_IN_MS = 1_000;

interface Client {
  readonly connection: HttpConnection;
  /** Number of the request under way. */
  n: number;
  sentAtMs: number;
  isFree: boolean;
  token: string | null;
  readonly seen: Map<string, number>;
}

interface Answered {
  readonly data?: Data | null;
  readonly extensions?: { readonly consistency?: { readonly servedBy?: Readonly<Record<string, number>> } };
}

export class LoadRun {
  readonly #order: LoadOrder;
  readonly #requests: Requests;
  readonly #parts: readonly Data[];
  readonly #head: string;
  readonly #bodyHead: string;
  readonly #clients: Client[];
  readonly #latenciesMs: number[] = [];
  readonly #examples: string[] = [];
  readonly #servedBy: Record<string, number> = {};
  #writers: Writers | null = null;
  #sent = 0;
  #answers = 0;
  #errors = 0;
  #compared = 0;
  #wrong = 0;
  #lastAnswerMs = 0;
  #untilMs = 0;
  #countFromMs = 0;
  /** Moments at which requests were due that no connection was free for. */
  readonly #overdue: number[] = [];

  private constructor(order: LoadOrder) {
    this.#order = order;
    this.#requests = requestsOf(order.kind, order.facts);
    this.#parts = JSON.parse(readFileSync(order.partsFile, 'utf8')) as Data[];
    const url = new URL(order.url);
    const headers = Object.entries({
      host: url.host,
      'content-type': 'application/json',
      accept: 'application/json',
      ...order.headers,
    });
    this.#head = `POST ${url.pathname} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}`;
    this.#bodyHead = `{"query":${JSON.stringify(order.query)},"variables":`;
    this.#clients = Array.from({ length: order.connections }, () => this.#client(url));
  }

  static async of(order: LoadOrder): Promise<LoadReport> {
    const run = new LoadRun(order);
    if (order.writeUrl !== null) run.#writers = await Writers.open(order.writeUrl, shownTasks(run.#parts));
    try {
      return await run.#send();
    } finally {
      for (const { connection } of run.#clients) connection.close();
      await run.#writers?.close();
    }
  }

  #client(url: URL): Client {
    const client: Client = {
      connection: new HttpConnection(url, {
        onAnswer: (answer) => this.#answered(client, answer),
        onBreak: (error) => this.#failed(client, error.message),
      }),
      n: 0,
      sentAtMs: 0,
      isFree: true,
      token: this.#order.token,
      seen: new Map(),
    };
    return client;
  }

  async #send(): Promise<LoadReport> {
    const { seconds, rate } = this.#order;
    await Promise.all(this.#clients.map(({ connection }) => connection.opened));
    const cpu = process.cpuUsage();
    const beganMs = performance.now();
    this.#countFromMs = beganMs + (rate === null ? 0 : LEAD_IN_MS);
    this.#untilMs = this.#countFromMs + seconds * 1_000;
    if (rate === null) for (const client of this.#clients) this.#next(client, performance.now());
    else await this.#pace(rate, beganMs);
    await this.#allAnswered();
    const { user, system } = process.cpuUsage(cpu);
    const ms = this.#lastAnswerMs - beganMs;
    const sorted = Float64Array.from(this.#latenciesMs).sort();
    const latency = (share: number): number => percentile(sorted as unknown as number[], share);
    return {
      requests: this.#answers,
      seconds: ms / 1_000,
      errors: this.#errors,
      compared: this.#compared,
      wrong: this.#wrong,
      examples: this.#examples,
      p50Ms: latency(0.5),
      p99Ms: latency(0.99),
      cpuShare: (user + system) / 1_000 / ms,
      servedBy: this.#servedBy,
      writes: this.#writers?.count ?? 0,
    };
  }

  /** Sends at even distances whatever the answers do; what waits for a free connection counts from when it was due. */
  async #pace(rate: number, beganMs: number): Promise<void> {
    for (let due = 0; performance.now() < this.#untilMs; await sleep(TICK_MS)) {
      const nowMs = performance.now();
      for (; due < ((nowMs - beganMs) / 1_000) * rate; due += 1) {
        const free = this.#clients.find(({ isFree }) => isFree);
        if (free === undefined) this.#overdue.push(beganMs + (due / rate) * 1_000);
        else this.#next(free, nowMs);
      }
    }
  }

  async #allAnswered(): Promise<void> {
    while (performance.now() < this.#untilMs) await sleep(TICK_MS);
    for (const limitMs = this.#untilMs + ANSWER_MS; this.#clients.some(({ isFree }) => !isFree); await sleep(TICK_MS)) {
      if (performance.now() < limitMs) continue;
      for (const client of this.#clients) if (!client.isFree) this.#failed(client, `no answer within ${ANSWER_MS} ms`);
      return;
    }
  }

  #next(client: Client, dueMs: number): void {
    client.n = this.#order.from + this.#sent;
    this.#sent += 1;
    client.isFree = false;
    client.sentAtMs = dueMs;
    const body = `${this.#bodyHead}${JSON.stringify(this.#requests.variables(client.n))}}`;
    const token = client.token === null ? '' : `consistency-token: ${client.token}\r\n`;
    client.connection.send(`${this.#head}${token}content-length: ${body.length}\r\n\r\n${body}`);
  }

  #answered(client: Client, { status, head, body }: HttpAnswer): void {
    const nowMs = performance.now();
    this.#lastAnswerMs = nowMs;
    this.#answers += 1;
    if (client.sentAtMs >= this.#countFromMs) this.#latenciesMs.push(nowMs - client.sentAtMs);
    if (client.token !== null) client.token = headerOf(head, 'consistency-token') ?? client.token;
    if (status !== OK || body.includes(ERRORS)) this.#note('error', client, `${status} ${body.toString()}`);
    // The number of the sequence, not of the answer: the same requests are compared, whoever is asked.
    else if (client.n % COMPARE_EVERY === 0) this.#compare(client, body.toString());
    if (this.#answers % READS_PER_WRITE === 0) this.#writers?.write();
    this.#free(client);
  }

  #compare(client: Client, text: string): void {
    const { data, extensions } = JSON.parse(text) as Answered;
    this.#compared += 1;
    if (!data || !this.#requests.isRight(client.n, data, { parts: this.#parts, seen: client.seen }))
      this.#note('wrong', client, text);
    for (const [by, count] of Object.entries(extensions?.consistency?.servedBy ?? {}))
      this.#servedBy[by] = (this.#servedBy[by] ?? 0) + count;
  }

  #failed(client: Client, why: string): void {
    this.#lastAnswerMs = performance.now();
    this.#note('error', client, why);
    this.#free(client);
  }

  #free(client: Client): void {
    client.isFree = true;
    if (performance.now() >= this.#untilMs) return;
    if (this.#order.rate === null) return this.#next(client, performance.now());
    const overdueMs = this.#overdue.shift();
    if (overdueMs !== undefined) this.#next(client, overdueMs);
  }

  #note(what: 'error' | 'wrong', client: Client, text: string): void {
    if (what === 'error') this.#errors += 1;
    else this.#wrong += 1;
    if (this.#examples.length < EXAMPLES)
      this.#examples.push(
        `${what}: ${JSON.stringify(this.#requests.variables(client.n)).slice(0, EXAMPLE_CHARACTERS)} → ${text.slice(0, EXAMPLE_CHARACTERS)}`,
      );
  }
}
