/** Owns the codec of consistency tokens: positions to signed text and back, without any database. */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { MeridianError } from '../base/errors.ts';
import { type ClusterId, type Position } from '../base/lineage.ts';
import { toLsn } from '../base/lsn.ts';
import { FLOOR_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { CLUSTER_BYTES, RECORD_BYTES, TOKEN_VERSION } from '../protocol/token-text.ts';
import { mergePositions, NO_POSITIONS, type Positions } from './positions.ts';

/** The opaque text that a client holds: `m1.<payload>.<signature>`. */
export type ConsistencyToken = string & { readonly __brand: 'ConsistencyToken' };

export interface TokenCodecOptions {
  /** The first secret signs, all verify. This allows a secret to be rotated without refusing any token. */
  readonly secrets: readonly string[];
  /** Longest header that is decoded, in bytes. */
  readonly maxTokenBytes: number;
  /**
   * Every cluster that a token of this graph may name; empty or left out: any. A graph has as many clusters as its
   * subgraphs have databases, and a subgraph does not know those of the others, so positions of unknown clusters are
   * normally copied into the answer's token. If the graph's clusters are all listed here, a token that names another
   * one was signed with the same secret for another graph, and is refused as foreign.
   */
  readonly clusters?: readonly ClusterId[];
}

const SIGNATURE_BYTES = 16;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
/**
 * Total characters of tokens that are remembered as verified, and of those remembered as signed: some thousands of
 * usual ones each.
 */
const REMEMBERED_CHARACTERS = 1 << 18;

export class TokenCodec {
  readonly #keys: readonly KeyObject[];
  readonly #maxBytes: number;
  readonly #clusters: ReadonlySet<ClusterId> | null;
  /**
   * The positions of tokens, by their text: only of tokens that this codec has found to be signed, canonical and of
   * this graph.
   */
  readonly #verified = new LRUCache<string, Positions>({
    maxSize: REMEMBERED_CHARACTERS,
    sizeCalculation: (_, token) => token.length,
  });
  /** Tokens by the positions that they name: between two heartbeats most answers have the same one. */
  readonly #signed = new LRUCache<string, ConsistencyToken>({
    maxSize: REMEMBERED_CHARACTERS,
    sizeCalculation: (token, named) => token.length + named.length,
  });

  /** Throws `CONFIG_INVALID` without a secret. */
  constructor(options: TokenCodecOptions) {
    const secrets = options.secrets.filter((secret) => secret !== '');
    if (secrets.length === 0)
      throw new MeridianError({
        code: 'CONFIG_INVALID',
        message:
          'Consistency tokens have no secret to be signed with; set tokenSecret, to the same value in every region.',
      });
    // Created once: a key that is given as bytes would be created again for every token, which costs more than
    // everything else.
    this.#keys = secrets.map((secret) => createSecretKey(secret, 'utf8'));
    this.#maxBytes = options.maxTokenBytes;
    this.#clusters = options.clusters && options.clusters.length > 0 ? new Set(options.clusters) : null;
  }

  /** Signs `positions`; null if there are none. Equal positions give equal tokens. */
  encode(positions: Positions): ConsistencyToken | null {
    const [key] = this.#keys;
    if (positions.size === 0 || key === undefined) return null;
    const named = textOf(positions);
    const known = this.#signed.get(named);
    if (known !== undefined) return known;
    const payload = encodePayload(positions).toString('base64url');
    const token = `${TOKEN_VERSION}.${payload}.${sign(key, payload).toString('base64url')}` as ConsistencyToken;
    this.#signed.set(named, token);
    return token;
  }

  /** As `encode`, for operations that have read or written. Throws `TypeError` for no positions. */
  encodeSome(positions: Positions): ConsistencyToken {
    const token = this.encode(positions);
    if (token === null) throw new TypeError('a token was asked for before anything was read or written');
    return token;
  }

  /**
   * Reads a `consistency-token` header or one of the same form: one token, or several joined by commas, which are
   * merged. Empty: no positions. `each` is called with every named position, including those that are merged away.
   * Throws `CONSISTENCY_TOKEN_MALFORMED`, `CONSISTENCY_TOKEN_FORGED` or `CONSISTENCY_TOKEN_FOREIGN`.
   */
  decode(header: string, each?: (position: Position) => void, name = TOKEN_HEADER): Positions {
    // All characters of a valid token are ASCII, so their number is the number of bytes.
    if (header.length > this.#maxBytes)
      throw malformed(`it is longer than ${this.#maxBytes} bytes (maxTokenBytes)`, name);
    if (header === '') return NO_POSITIONS;
    const whole = this.#verified.get(header);
    const decoded = whole === undefined ? splitHeader(header).map((token) => this.#decodeOne(token, name)) : [whole];
    if (each) for (const one of decoded) for (const position of one.values()) each(position);
    const [only = NO_POSITIONS, ...others] = decoded;
    return this.#fitting(others.length === 0 ? only : mergePositions(...decoded), name);
  }

  /**
   * The two headers of a request, each by itself, because positions from a gateway are less binding than the client's;
   * `merged` contains both.
   */
  decodeBoth(
    headers: { readonly token: string | null | undefined; readonly floor: string | null | undefined },
    each?: (position: Position) => void,
  ): { readonly token: Positions; readonly merged: Positions } {
    const token = this.decode(headers.token ?? '', each);
    if (!headers.floor) return { token, merged: token };
    return {
      token,
      merged: this.#fitting(mergePositions(token, this.decode(headers.floor, each, FLOOR_HEADER)), FLOOR_HEADER),
    };
  }

  /**
   * The answer's token adds at most this cluster's position, and must still fit into the header when the client sends
   * it back.
   */
  #fitting(positions: Positions, name: string): Positions {
    if (tokenLength(positions.size + 1) > this.#maxBytes)
      throw malformed(
        `it names ${positions.size} clusters, more than fit into a token of ${this.#maxBytes} bytes`,
        name,
      );
    return positions;
  }

  #decodeOne(token: string, name: string): Positions {
    const known = this.#verified.get(token);
    if (known !== undefined) return known;
    const positions = this.#verify(token, name);
    // A copy: a substring of a longer header would keep the whole header in memory.
    this.#verified.set(Buffer.from(token, 'latin1').toString('latin1'), positions);
    return positions;
  }

  #verify(token: string, name: string): Positions {
    const [version, payload, signature, ...rest] = token.split('.');
    if (version !== TOKEN_VERSION || payload === undefined || signature === undefined || rest.length > 0)
      throw malformed(`it is not of the form ${TOKEN_VERSION}.<payload>.<signature>`, name);
    const bytes = fromBase64url(payload);
    const given = fromBase64url(signature);
    if (bytes === null || given === null || given.length !== SIGNATURE_BYTES) throw malformed('it is damaged', name);
    // Every key is tried, whatever the outcome, so that the time does not reveal which one matched.
    let verified = false;
    for (const key of this.#keys) verified = timingSafeEqual(sign(key, payload), given) || verified;
    if (!verified)
      throw new MeridianError({
        code: 'CONSISTENCY_TOKEN_FORGED',
        message:
          'The consistency token was not signed with any secret of this graph; drop it, or give every region the same tokenSecret.',
      });
    const positions = decodePayload(bytes);
    if (positions === null || encodePayload(positions).compare(bytes) !== 0)
      throw malformed('its payload is not canonical', name);
    this.#refuseForeign(positions);
    return positions;
  }

  #refuseForeign(positions: Positions): void {
    if (this.#clusters === null) return;
    for (const cluster of positions.keys()) {
      if (this.#clusters.has(cluster)) continue;
      throw new MeridianError({
        code: 'CONSISTENCY_TOKEN_FOREIGN',
        message: `The consistency token names cluster ${cluster}, which is none of this graph's; drop it, or add the cluster to tokenClusters.`,
        details: { cluster },
      });
    }
  }
}

/** The tokens of a header, which proxies may have joined. */
function splitHeader(header: string): string[] {
  return header
    .split(',')
    .map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((part) => part !== '');
}

/** One text for the same positions in the same order; cluster names have a fixed length, so the text is unambiguous. */
function textOf(positions: Positions): string {
  let text = '';
  for (const { cluster, timeline, lsn } of positions.values()) text += `${cluster}${timeline}/${lsn},`;
  return text;
}

function tokenLength(clusters: number): number {
  return TOKEN_VERSION.length + 2 + (clusters * RECORD_BYTES * 4) / 3 + Math.ceil((SIGNATURE_BYTES * 4) / 3);
}

function sign(key: KeyObject, payload: string): Buffer {
  return createHmac('sha256', key).update(`${TOKEN_VERSION}.${payload}`).digest().subarray(0, SIGNATURE_BYTES);
}

/** Strict decoding: refuses characters outside the alphabet and bits that are set after the last byte. */
function fromBase64url(text: string): Buffer | null {
  if (!BASE64URL.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}

/** Sorted by the cluster's bytes, so that a set of positions has only one encoding. */
function encodePayload(positions: Positions): Buffer {
  const records = [...positions.values()].map((position) => {
    const record = Buffer.alloc(RECORD_BYTES);
    record.write(position.cluster, 'base64url');
    record.writeUInt32BE(position.timeline, CLUSTER_BYTES);
    record.writeBigUInt64BE(position.lsn, CLUSTER_BYTES + 4);
    return record;
  });
  return Buffer.concat(records.sort((a, b) => a.compare(b)));
}

function decodePayload(bytes: Buffer): Positions | null {
  if (bytes.length === 0 || bytes.length % RECORD_BYTES !== 0) return null;
  const positions = new Map<ClusterId, Position>();
  for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
    const cluster = bytes.toString('base64url', at, at + CLUSTER_BYTES) as ClusterId;
    const timeline = bytes.readUInt32BE(at + CLUSTER_BYTES);
    if (timeline === 0 || positions.has(cluster)) return null;
    positions.set(cluster, { cluster, timeline, lsn: toLsn(bytes.readBigUInt64BE(at + CLUSTER_BYTES + 4)) });
  }
  return positions;
}

function malformed(why: string, name: string): MeridianError {
  return new MeridianError({
    code: 'CONSISTENCY_TOKEN_MALFORMED',
    message: `The ${name} header cannot be read: ${why}; send back a token exactly as it was answered, or none.`,
  });
}
