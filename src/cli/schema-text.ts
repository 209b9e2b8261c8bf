/** Owns the graph of a folder of SDL as text: for clients, for composers, and what is made of it alone. */
import { buildSubgraphSchema, printSubgraphSchema } from '@apollo/subgraph';
import { print, printSchema } from 'graphql';
import { type AdminFields } from '../schema-compiler/admin-fields.ts';
import { clientGraph } from '../schema-compiler/client-graph.ts';
import { readDocument, type SchemaDocument } from '../schema-compiler/document.ts';
import { readSdlFolder } from '../schema-compiler/files.ts';
import { Problems } from '../schema-compiler/problems.ts';
import { publishedDocument } from '../schema-compiler/published.ts';

/** Throws `SCHEMA_INVALID` with every mistake that the SDL alone shows. */
export function readGraph(folder: string, fields: AdminFields): SchemaDocument {
  const problems = new Problems();
  const document = readDocument(readSdlFolder(folder), problems, fields);
  problems.throwErrors();
  return document;
}

export function clientText({ typeDefs }: SchemaDocument): string {
  return printSchema(clientGraph(publishedDocument(typeDefs)));
}

export function federatedText({ typeDefs }: SchemaDocument): string {
  return printSubgraphSchema(buildSubgraphSchema([{ typeDefs: publishedDocument(typeDefs) }])).trimEnd();
}

/** With the directives that they carry: it stands beside the author's files, and the two are whole. */
export function madeText({ made }: SchemaDocument): string {
  const intro = '# Types that are made. `meridian schema --made` writes this file: do not change it.';
  return [intro, ...made.map(print)].join('\n\n');
}
