/** Owns reading SDL without a database in tests of types that are made: what is made of it, and what clients see. */
import { Kind, print, printSchema, visit, type DefinitionNode, type DocumentNode } from 'graphql';
import { clientGraph } from '../../src/schema-compiler/client-graph.ts';
import { readDocument, type SchemaDocument } from '../../src/schema-compiler/document.ts';
import { type SdlFile } from '../../src/schema-compiler/files.ts';
import { Problems } from '../../src/schema-compiler/problems.ts';
import { publishedDocument } from '../../src/schema-compiler/published.ts';

export function documentOf(files: readonly SdlFile[]): SchemaDocument {
  const problems = new Problems();
  const document = readDocument(files, problems);
  problems.throwErrors();
  return document;
}

/** What is made for the SDL, by name: its fields or values as text, without descriptions. */
export function madeFor(sdl: string): Record<string, string> {
  const { made } = documentOf([{ name: 'app.graphql', body: sdl }]);
  return Object.fromEntries(made.map((node) => ['name' in node ? (node.name?.value ?? '') : '', textOf(node)]));
}

function textOf(node: DefinitionNode): string {
  if (node.kind === Kind.ENUM_TYPE_DEFINITION) return (node.values ?? []).map(({ name }) => name.value).join(' ');
  const fields = 'fields' in node ? (node.fields ?? []) : [];
  return fields.map((field) => print(field).replace(/^"""[^]*"""\n/, '')).join(', ');
}

/** The graph as clients see it, without descriptions. */
export function graphOf(files: readonly SdlFile[]): string {
  const { typeDefs } = documentOf(files);
  const bare: DocumentNode = visit(publishedDocument(typeDefs), {
    StringValue: (_node, key) => (key === 'description' ? null : undefined),
  });
  return printSchema(clientGraph(bare));
}
