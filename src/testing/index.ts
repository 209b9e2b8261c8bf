/** What `meridian/testing` exports: real regions for an application's own tests. */
export { type ErrorCode, isMeridianError, MeridianError } from '../base/errors.ts';
export { type TestAnswer, type TestAnswerError } from './ask.ts';
export { type TestRegionsOptions } from './options.ts';
export { type QueryOptions, type TestRegion, type TestViewer } from './region.ts';
export { type TestRegions } from './regions.ts';
export { startTestRegions } from './start.ts';
