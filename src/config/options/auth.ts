/** Owns the options of who is asking. */
import { choice, count, milliseconds, option, text, url } from '../option.ts';

export const AUTH_OPTIONS = {
  auth: option(choice(['jwt', 'hook', 'none']), {
    default: 'jwt',
    group: 'auth',
    help: 'How the viewer is known: a bearer JWT, the function `viewer` that the resolvers module exports, or none at all.',
  }),
  jwtSecret: option(text(), {
    default: '',
    group: 'auth',
    secret: true,
    help: 'Shared secret of HS256 tokens, 32 bytes or more.',
  }),
  jwksUrl: option(url('http', 'https'), {
    default: '',
    group: 'auth',
    help: 'URL of the key set that signs tokens (RS, PS, ES and EdDSA algorithms).',
  }),
  jwksTimeoutMs: option(milliseconds(), {
    default: 2_000,
    group: 'auth',
    help: 'Time limit for fetching the key set.',
  }),
  jwksMaxAgeMs: option(milliseconds(), {
    default: 600_000,
    group: 'auth',
    help: 'How long a fetched key set is used before it is fetched again.',
  }),
  jwksRetryMs: option(milliseconds(), {
    default: 1_000,
    group: 'auth',
    help: 'How long to wait after a failed fetch of the key set before the next one; requests with a token it would verify are refused at once meanwhile.',
  }),
  clockToleranceMs: option(milliseconds(0, 300_000), {
    default: 5_000,
    group: 'auth',
    help: 'Clock difference forgiven when a token expires or begins, and between servers that forward mutations to each other.',
  }),
  rememberedTokens: option(count(0), {
    default: 10_000,
    group: 'auth',
    help: 'Verified tokens that a server remembers until they expire, so that they are not verified with each request; those of a key set no longer than jwksMaxAgeMs. 0: every request is verified.',
  }),
  jwtIssuer: option(text(), { default: '', group: 'auth', help: 'Required `iss`; empty accepts any.' }),
  jwtAudience: option(text(), { default: '', group: 'auth', help: 'Required `aud`; empty accepts any.' }),
  tenantClaim: option(text(), {
    default: 'tenant',
    group: 'auth',
    help: "Claim that holds the viewer's tenant; a dot leads into an object.",
  }),
  rolesClaim: option(text(), {
    default: 'roles',
    group: 'auth',
    help: "Claim that holds the viewer's roles, as a list or as words; a dot leads into an object.",
  }),
  adminRole: option(text(), { default: 'admin', group: 'auth', help: 'Role that may ask for regionHealth.' }),
};
