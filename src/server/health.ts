/** Owns the endpoints for liveness, readiness and metrics. */
import { type FastifyInstance } from 'fastify';
import { within } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';

/** Whether requests can be answered; if not, `why` is one sentence. */
export interface Readiness {
  readonly ok: boolean;
  readonly why?: string;
}

export interface HealthSettings {
  readonly ready: () => Promise<Readiness>;
  /** Time limit of `ready`, milliseconds. */
  readonly readyMs: number;
  readonly draining: () => boolean;
  readonly telemetry: Telemetry;
}

export function registerHealth(app: FastifyInstance, settings: HealthSettings): void {
  app.get('/health/live', async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ status: 'live' }),
  );
  app.get('/health/ready', async (_request, reply) => {
    const { ok, why } = await readiness(settings);
    return reply
      .code(ok ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(ok ? { status: 'ready' } : { status: 'not ready', why });
  });
  const {
    metrics: { registry },
    exposed = () => registry.metrics(),
  } = settings.telemetry;
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', registry.contentType).send(await exposed()),
  );
}

async function readiness(settings: HealthSettings): Promise<Readiness> {
  if (settings.draining()) return { ok: false, why: 'The server is draining.' };
  try {
    return await within(settings.ready(), settings.readyMs, () => ({
      ok: false,
      why: `The checks took longer than ${settings.readyMs} ms.`,
    }));
  } catch (error) {
    settings.telemetry.log.warn({ err: error }, 'the readiness check failed');
    return { ok: false, why: `The checks failed: ${messageOf(error)}` };
  }
}
