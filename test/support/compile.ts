/** Owns compiling a piece of SDL in tests, to a model or to the list of what is wrong with it. */
import { isMeridianError } from '../../src/base/errors.ts';
import { type Catalog } from '../../src/model/catalog.ts';
import { compileModel, type CompiledSchema, type CompileRequest } from '../../src/schema-compiler/compile.ts';
import { formatProblem, type Problem } from '../../src/schema-compiler/problems.ts';
import { TEAMS } from './catalog.ts';

type Extra = Partial<Omit<CompileRequest, 'files'>>;

export function compileSdl(sdl: string, extra: Extra = {}): Promise<CompiledSchema> {
  const catalog: Catalog = TEAMS;
  return compileModel({
    files: [{ name: 'app.graphql', body: sdl }],
    catalog,
    pageSize: 20,
    maxPageSize: 200,
    ...extra,
  });
}

/** Every error of the schema as it is printed, without the heading; empty when it compiles. */
export async function problemsOf(sdl: string, extra: Extra = {}): Promise<string[]> {
  try {
    await compileSdl(sdl, extra);
    return [];
  } catch (error) {
    if (!isMeridianError(error, 'SCHEMA_INVALID')) throw error;
    return (error.details['problems'] as readonly Problem[]).map(formatProblem);
  }
}

export async function warningsOf(sdl: string, extra: Extra = {}): Promise<string[]> {
  return (await compileSdl(sdl, extra)).warnings.map(formatProblem);
}
