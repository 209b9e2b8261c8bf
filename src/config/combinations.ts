/** Owns the rules between options: values that are valid alone but not together. */
import { prefixProblem, type CookiePlace } from '../base/cookie-rules.ts';
import { listed } from './option.ts';
import { type Options } from './options.ts';
import { type Problem } from './problems.ts';

const COOKIE_OPTIONS: Record<keyof CookiePlace, keyof Options> = {
  name: 'tokenCookie',
  path: 'tokenCookiePath',
  domain: 'tokenCookieDomain',
  secure: 'tokenCookieSecure',
};

export function combinationProblems(options: Options): Problem[] {
  return [...corsProblems(options), ...cookieProblems(options), ...siblingProblems(options)];
}

function siblingProblems({ subgraph, siblings }: Options): Problem[] {
  if (siblings.trim() === '' || subgraph !== '') return [];
  return [
    {
      option: 'subgraph',
      where: 'not given',
      what: "must name this server's own subgraph where siblings names others",
      fix: 'use --subgraph or MERIDIAN_SUBGRAPH with the name that the gateway knows it by',
    },
  ];
}

function corsProblems({ corsOrigins, corsCredentials }: Options): Problem[] {
  if (!corsCredentials) return [];
  const origins = listed(corsOrigins);
  const complain = (what: string, fix: string): Problem[] => [
    { option: 'corsCredentials', where: 'as given', what, fix },
  ];
  if (origins.includes('*'))
    return complain(
      'is true, but corsOrigins is *, and browsers send no cookies where every origin may call',
      'list the origins that may',
    );
  return origins.length > 0
    ? []
    : complain(
        'is true, but corsOrigins names no origin that might send cookies',
        'list the origins, or leave it out where pages and GraphQL share one',
      );
}

function cookieProblems({ tokenCookie, tokenCookiePath, tokenCookieDomain, tokenCookieSecure }: Options): Problem[] {
  const problem = prefixProblem({
    name: tokenCookie,
    path: tokenCookiePath,
    domain: tokenCookieDomain,
    secure: tokenCookieSecure,
  });
  return problem === null
    ? []
    : [{ option: COOKIE_OPTIONS[problem.field], where: 'as given', what: problem.what, fix: problem.fix }];
}
