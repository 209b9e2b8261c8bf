/** Owns the proof that the documents name files, folders, tests and headings that exist. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = [
  'README.md',
  'CHANGELOG.md',
  ...globSync('docs/**/*.md', { cwd: ROOT }),
  ...globSync('.github/**/*.md', { cwd: ROOT }),
  ...globSync('test/*/README.md', { cwd: ROOT }),
].sort();
const ROOMS = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
/** `read/loaders/{key,slice}-loader.ts` names two files. */
function spelledOut(path: string): readonly string[] {
  const [, before = '', choices, after = ''] = /^(.*)\{(.*)\}(.*)$/.exec(path) ?? [];
  return choices === undefined ? [path] : choices.split(',').map((choice) => `${before}${choice}${after}`);
}
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .trim()
    .replaceAll(' ', '-');

describe('the documents', () => {
  it('link to files and headings that exist', () => {
    const dead = PAGES.flatMap((page) =>
      [...textOf(page).matchAll(/\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)/g)].flatMap(([link, target = '', anchor]) => {
        const path = target === '' ? page : normalize(join(dirname(page), target));
        if (!existsSync(join(ROOT, path))) return [`${page}: ${link}`];
        const headings =
          anchor !== undefined && path.endsWith('.md')
            ? [...textOf(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading))
            : null;
        return headings?.includes(anchor?.slice(1) ?? '') === false ? [`${page}: ${link}`] : [];
      }),
    );
    assert.deepEqual(dead, []);
  });

  it('name files and folders of this repository that exist', () => {
    const roots = `test|bench|src|docs|schema|\\.ci|\\.github|${ROOMS.join('|')}`;
    // A file by its ending, or a folder by the slash behind it.
    const named = new RegExp(
      `\`((?:${roots})/(?:[^\`\\s*…<>]+\\.(?:ts|js|mjs|cjs|lua|md|sql|graphql|json|ya?ml)|(?:[^\`\\s*…<>]+/)?))\``,
      'g',
    );
    const missing = PAGES.flatMap((page) =>
      [...textOf(page).matchAll(named)]
        .flatMap(([, path = '']) => spelledOut(path))
        .filter((path) => !existsSync(join(ROOT, path)) && !existsSync(join(ROOT, 'src', path)))
        .map((path) => `${page}: ${path}`),
    );
    assert.deepEqual(missing, []);
  });

  it('quote the names of tests as the tests have them', () => {
    const quoted = [...textOf('docs/architecture.md').matchAll(/^\* `(test\/[^`]+)`: "([^"]+)"/gm)];
    assert.ok(quoted.length > 30, `only ${quoted.length} tests are quoted`);
    const unknown = quoted
      .filter(([, path = '', name = '']) => {
        const source = textOf(path).replaceAll("\\'", "'");
        // `…` stands for a value that the test inserts.
        return !new RegExp(
          name
            .split('…')
            .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
            .join('.{1,80}'),
        ).test(source);
      })
      .map(([line]) => line);
    assert.deepEqual(unknown, []);
  });
});
