/**
 * Owns answers given from Node's own request, before Fastify and Apollo, where a stored or planned answer satisfies the
 * request.
 */
import { type IncomingMessage, type OutgoingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import { isMeridianError } from '../../base/errors.ts';
import { type Viewer } from '../../base/viewer.ts';
import { type EarlyAnswers } from '../../graphql/answers/early-answers.ts';
import { type AnswerNow } from '../../graphql/answers/operation-cache.ts';
import { FLOOR_HEADER, TOKEN_HEADER } from '../../protocol/headers.ts';
import { type Telemetry } from '../../telemetry/telemetry.ts';
import { joinedHeaders, type Viewers } from '../viewer.ts';
import { remember } from './arrived.ts';
import { type HeadersBeside } from './beside.ts';
import { eligible, type EarlyRequest, type EarlyRules } from './eligible.ts';
import { EarlyMeter } from './meter.ts';

export interface EarlySettings {
  readonly answers: Pick<EarlyAnswers, 'answer'>;
  readonly viewers: Viewers;
  readonly rules: EarlyRules;
  readonly telemetry: Telemetry;
  readonly draining: () => boolean;
  /** The additional headers that the usual way sets on an answer with this token. */
  readonly beside: (token: string | null) => HeadersBeside;
}

/** `usual` handles every request that is not answered here, with its body unread. */
export function earlyListener(settings: EarlySettings, usual: RequestListener): RequestListener {
  const meter = new EarlyMeter(settings.telemetry);
  return (request, response) => {
    const early = eligible(request, settings.rules);
    if (early === null) return usual(request, response);
    new Reading({ settings, meter, early, usual: () => usual(request, response) }, request, response).begin();
  };
}

interface ReadingParts {
  readonly settings: EarlySettings;
  readonly meter: EarlyMeter;
  readonly early: EarlyRequest;
  readonly usual: () => void;
}

/** One request whose body is being received. */
class Reading {
  readonly #parts: ReadingParts;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #startedMs = performance.now();
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(parts: ReadingParts, request: IncomingMessage, response: ServerResponse) {
    this.#parts = parts;
    this.#request = request;
    this.#response = response;
  }

  begin(): void {
    this.#request.on('data', this.#take);
    this.#response.once('close', this.#gone);
  }

  readonly #take = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#parts.early.length) return;
    this.#request.off('data', this.#take);
    this.#arrive(this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks));
  };

  readonly #gone = (): void => this.#parts.meter.left(this.#startedMs, this.#request);

  #arrive(bytes: Buffer): void {
    const { viewers } = this.#parts.settings;
    const body = bytes.toString('latin1');
    const known = viewers.now({ headers: { authorization: this.#request.headers.authorization } });
    if (known !== undefined && this.#answer(body, known)) return;
    // Synchronously: later, the end of the body would be emitted without a listener.
    this.#giveBack(bytes);
    const viewer =
      known === undefined ? viewers.of({ headers: joinedHeaders(this.#request.headers) }) : Promise.resolve(known);
    remember(this.#request, { body, viewer, startedMs: this.#startedMs });
    if (known !== undefined) return this.#handOn();
    // A request whose client has disconnected is not handed on: the usual way would wait for a body that can no longer
    // arrive.
    viewer
      .then(
        (found) => this.#request.destroyed || this.#answer(body, found),
        () => this.#request.destroyed,
      )
      .then((isOver) => isOver || this.#handOn())
      .catch((error: unknown) => this.#response.destroy(error as Error));
  }

  #handOn(): void {
    this.#response.off('close', this.#gone);
    this.#parts.usual();
  }

  #giveBack(bytes: Buffer): void {
    this.#request.pause();
    this.#request.unshift(bytes);
  }

  #answer(body: string, viewer: Viewer | null): boolean {
    const found = this.#find(body, viewer);
    if (found === null) return false;
    const { early, meter, settings } = this.#parts;
    this.#response.off('close', this.#gone);
    const headers: OutgoingHttpHeaders = {
      'cache-control': found.cacheControl,
      'content-type': early.contentType,
      'content-length': found.body.length,
    };
    if (found.token !== null) headers[TOKEN_HEADER] = found.token;
    if (settings.draining()) headers['connection'] = 'close';
    this.#response.writeHead(200, Object.assign(headers, settings.beside(found.token)));
    this.#response.end(found.body, 'latin1');
    meter.answered(this.#startedMs, this.#request);
    return true;
  }

  /** Errors of tokens are ignored here; the usual way reports them. */
  #find(body: string, viewer: Viewer | null): AnswerNow | null {
    const { headers } = this.#request;
    try {
      return this.#parts.settings.answers.answer({
        body,
        viewer,
        token: textOf(headers[TOKEN_HEADER]),
        floor: textOf(headers[FLOOR_HEADER]),
      });
    } catch (error) {
      if (!isMeridianError(error))
        this.#parts.settings.telemetry.log.error(
          { err: error },
          'A kept answer could not be looked up; the request is executed.',
        );
      return null;
    }
  }
}

function textOf(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'object' ? header.join(', ') : header;
}
