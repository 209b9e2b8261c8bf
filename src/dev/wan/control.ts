/**
 * Owns the HTTP interface of the simulated WAN: it lists links, changes delay and jitter of a pair, cuts and heals it.
 */
import fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type SimulatedWan, type Selection } from './simulated-wan.ts';
import { LINK_KINDS } from './topology.ts';

const CALLS = {
  'GET /links': 'every link with its delay, jitter, state, open connections and bytes',
  'PATCH /links/:a/:b':
    '{"rttMs"?, "jitterMs"?, "kind"?}: round trip and jitter between two regions, milliseconds, both ways; POST does the same',
  'POST /links/:a/:b/cut':
    '{"kind"?}: nothing passes between two regions any more; connections stall and new ones hang',
  'POST /links/:a/:b/heal': '{"kind"?}: bytes pass again; connections that the cut has stalled are reset',
} as const;

const kind = z.enum(LINK_KINDS).optional();
const selectionSchema = z.strictObject({ kind }).default({});
const changeSchema = z
  .strictObject({
    kind,
    rttMs: z.number().min(0).max(60_000).optional(),
    jitterMs: z.number().min(0).max(60_000).optional(),
  })
  .refine((change) => change.rttMs !== undefined || change.jitterMs !== undefined, 'give rttMs, jitterMs or both');

interface Pair {
  readonly Params: { readonly a: string; readonly b: string };
}

/** A request that cannot be carried out, with its HTTP status. */
class Refusal extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? undefined);
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues.map(
    (issue) => `${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue.message}`,
  );
  throw new Refusal(400, `The body is wrong: ${why.join('; ')}.`);
}

export function controlServer(wan: SimulatedWan): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true });

  const selection = ({ a, b }: Pair['Params'], chosen: Selection['kind']): Selection => {
    const found: Selection = { between: [a, b], kind: chosen };
    if (wan.find(found).length > 0) return found;
    const pairs = new Set(wan.reports().map((link) => `${link.from}/${link.to}`));
    throw new Refusal(404, `There is no link between "${a}" and "${b}"; there are ${[...pairs].join(', ')}.`);
  };
  const answer = (found: Selection): unknown => ({ links: wan.find(found).map((link) => link.report) });

  app.get('/', () => ({ calls: CALLS }));
  app.get('/links', () => ({ links: wan.reports() }));
  app.route<Pair>({
    method: ['PATCH', 'POST'],
    url: '/links/:a/:b',
    handler: (request) => {
      const { kind: chosen, rttMs, jitterMs } = parse(changeSchema, request.body);
      const found = selection(request.params, chosen);
      wan.change(found, {
        ...(rttMs === undefined ? {} : { rttMs }),
        ...(jitterMs === undefined ? {} : { jitterMs }),
      });
      return answer(found);
    },
  });
  for (const action of ['cut', 'heal'] as const) {
    app.post<Pair>(`/links/:a/:b/${action}`, (request) => {
      const found = selection(request.params, parse(selectionSchema, request.body).kind);
      for (const link of wan.find(found)) link[action]();
      return answer(found);
    });
  }
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: `There is no such call; GET / lists them.` }),
  );
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ error: error.message }),
  );
  return app;
}
