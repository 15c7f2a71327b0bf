/** @module kindex/server */
export { type Access, type Authorize, bearerToken, type Connection } from './authorize.js';
export type { CorsOptions } from './cors.js';
export { createHandler, type Handler, type HandlerOptions } from './handler.js';
export type { ServedCollection } from './operations.js';
export type { ProgressLine } from './progress-stream.js';
export { type ErrorBody, type ServerErrorCode, STATUS } from './status.js';
export { encodeVectors, VECTORS_TYPE } from './vectors-body.js';
