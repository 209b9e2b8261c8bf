/** Owns what `meridian/client` exports: tokens in browsers and other clients, without a client library. */
export { type Answer, type Refusal, type RefusalCode } from './answer.ts';
export { type Carrier, type ClientOperation, type Repeat } from './carrier.ts';
export { withTokens, type ClientOptions } from './fetch.ts';
export { type StorageSource, type TokenStorage } from './held.ts';
export {
  createTokenStore,
  type TokenStoreProblem,
  type Loss,
  type TokenStore,
  type TokenStoreOptions,
} from './token-store.ts';
